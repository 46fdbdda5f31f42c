// Takes the pictures of the README.
//
// Takes: origin, port (where it is in truth), provider, user, folder, order (the path of one that failed), profile (its path).
import { drive, profile as browserProfile, signInBy } from './chromium.mjs';

await drive(async ({ origin, provider, user, folder, order, profile }, browser) => {
  const seen = { problems: [] };
  const take = async (name, path, { colorScheme = 'light', width = 1280, height = 800 } = {}) => {
    const context = await browserProfile(browser, origin, seen.problems, {
      colorScheme, viewport: { width, height }, storageState,
    });
    const page = await context.newPage();
    await page.goto(origin + path);
    await page.screenshot({ path: `${folder}/${name}.png` });
    await context.close();
  };
  const first = await browserProfile(browser, origin, seen.problems);
  await signInBy(await first.newPage(), origin, provider, user);
  const storageState = await first.storageState();
  await take('overview', '/');
  await take('order', order);
  await take('certificates', '/certificates', { colorScheme: 'dark' });
  await take('connect', `${profile}/connect`);
  await take('profile', `${profile}/edit`);
  await take('audit', '/audit');
  return seen;
});
