// Looks at one page as different people have it before them.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** How pages are looked at. Those with `shot` are kept as pictures. */
export const VIEWS = [
  { name: 'light', colorScheme: 'light', width: 1280, height: 800, shot: true },
  { name: 'dark', colorScheme: 'dark', width: 1280, height: 800, shot: true },
  { name: 'phone', colorScheme: 'light', width: 360, height: 740, shot: true },
  { name: 'phone-dark', colorScheme: 'dark', width: 360, height: 740 },
];

// The page's own policy would stop a second request for the style sheet.
const COMMON = { resultTypes: ['violations'], preload: false };
const ALL = {
  ...COMMON,
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  // Of WCAG 2.2, and switched off by axe until more people ask for it.
  rules: { 'target-size': { enabled: true } },
};
/** What dark colours can change. */
const COLOURS = { ...COMMON, runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] } };

/** What is wrong with the page that is open, in each view. `shot`: where its pictures go, without the end of the name. */
export async function examine(page, shot, views = VIEWS) {
  const found = [];
  await page.evaluate(AXE);
  for (const { name, colorScheme, width, height, shot: kept } of views) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    const { violations, wide } = await page.evaluate(async (rules) => {
      const { violations } = await window.axe.run(document, rules);
      const wide = document.documentElement.scrollWidth - window.innerWidth;
      return { violations, wide };
    }, colorScheme === 'dark' ? COLOURS : ALL);
    const where = `${new URL(page.url()).pathname} (${name})`;
    for (const { id, help, nodes } of violations) {
      const places = nodes.slice(0, 3).map(({ target, any }) => `${target.join(' ')} ${any[0]?.message ?? ''}`);
      found.push(`${where}: ${id}: ${help}: ${places.join(' | ')}`);
    }
    if (wide > 0) found.push(`${where}: the page is ${wide} px wider than the window`);
    if (kept && shot) await page.screenshot({ path: `${shot}.${name}.png`, fullPage: true });
  }
  return found;
}
