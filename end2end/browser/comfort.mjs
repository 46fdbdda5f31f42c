// What the pages' own script adds, and that nothing is lost without it.
//
// Takes: origin, key, order (the path of a pending one), account (that placed it). Returns what it saw at each step.
import { drive, profile, signIn } from './chromium.mjs';

await drive(async ({ origin, key, order, account }, browser) => {
  const seen = { problems: [] };
  const context = await profile(browser, origin, seen.problems, { permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await context.newPage();
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  const said = (words) => page.locator('.unseen', { hasText: words }).waitFor({ state: 'attached' });
  await signIn(page, origin, key);

  // An order is followed to its end; what has the focus keeps it.
  await page.goto(origin + order);
  seen.pending = await page.locator('h1 .status').innerText();
  await page.locator('.crumbs .copy').click();
  await said('Copied');
  seen.copied = await copied();
  await page.locator('#order a[href^="/acme-accounts/"]').first().focus();
  await context.request.post(`${origin}/api/acme/accounts/${account}/deactivate`, {
    headers: { authorization: `Bearer ${key}` },
    data: { reason: 'the test wants it' },
  });
  await said('Now invalid');
  seen.ended = await page.locator('h1 .status').innerText();
  seen.focused = await page.evaluate(() => new URL(document.activeElement.href).pathname);
  const requests = [];
  page.on('request', (request) => requests.push(request.url()));

  // A list is filtered while somebody types.
  await page.goto(`${origin}/certificates`);
  await page.locator('#filter-name').pressSequentially('b.test', { delay: 20 });
  await said('1 in all');
  seen.filtered = await page.locator('#list tbody tr').count();
  seen.url = new URL(page.url()).search;
  seen.typing = await page.evaluate(() => document.activeElement.id);
  seen.asked = requests.filter((url) => url.includes('/certificates?')).length;
  await page.locator('#filter-serial').fill('no number');
  await page.locator('#list.stale').waitFor();
  seen.refused = seen.problems.splice(0);
  await page.locator('#filter-serial').fill('');
  await page.locator('#list:not(.stale)').waitFor();
  await page.locator('#filter-name').fill('nothing.test');
  await said('Nothing fits these filters.');
  await page.locator('#filter-actions a', { hasText: 'Clear' }).click();
  await page.waitForURL(`${origin}/certificates`);

  // Texts are copied as they stand.
  await page.goto(`${origin}/pki`);
  await page.locator('.commands', { hasText: 'Java' }).locator('.copy').click();
  await said('Copied');
  seen.command = await copied();
  await page.locator('.fingerprint + .copy').first().click();
  seen.fingerprint = await copied();

  // Escape closes the menu of narrow windows.
  await page.setViewportSize({ width: 360, height: 740 });
  await page.locator('.folded summary').click();
  await page.keyboard.press('Escape');
  seen.menu = await page.locator('.folded details').evaluate((menu) => menu.open);
  seen.labelled = await page.goto(`${origin}/certificates`)
    .then(() => page.locator('tbody th + td').first().evaluate((cell) => getComputedStyle(cell, '::before').content));
  await context.close();

  // The same without scripts.
  const plain = await profile(browser, origin, seen.problems, { javaScriptEnabled: false });
  const still = await plain.newPage();
  await signIn(still, origin, key);
  await still.goto(`${origin}/certificates`);
  await still.locator('#filter-name').fill('b.test');
  await still.locator('.filters button').click();
  seen.plain = { url: new URL(still.url()).search, rows: await still.locator('#list tbody tr').count() };
  await still.locator('#list tbody a').first().click();
  await still.locator('h1', { hasText: 'b.test' }).waitFor();
  seen.plain.buttons = await still.locator('.copy').count();
  return seen;
});
