// An operator makes an EAB key for a cluster, signed in by the link that `certctl login-link` prints.
//
// Takes: port (where the server is found, whatever its name), link, note, profile, accounts (that it may bind). Returns what
// the page shows once: the Secret for kubectl, and the lines for the issuer; and whether a reload still shows it.
import { drive, profile as browserProfile } from './chromium.mjs';

await drive(async ({ link, note, profile, accounts }, browser) => {
  const { origin } = new URL(link);
  const seen = { problems: [] };
  const context = await browserProfile(browser, origin, seen.problems);
  const page = await context.newPage();
  await page.goto(link);
  await page.getByRole('main').getByRole('button').click();
  await page.waitForURL(`${origin}/`);

  await page.getByRole('link', { name: 'EAB keys', exact: true }).first().click();
  await page.getByRole('main').getByRole('link', { name: 'Create an EAB key', exact: true }).first().click();
  await page.waitForURL(`${origin}/eab-keys/new`);
  await page.fill('[name=note]', note);
  await page.fill('[name=max_uses]', String(accounts));
  await page.check(`[name=profiles][value=${profile}]`);
  await page.getByRole('main').getByRole('button', { name: 'Create the key', exact: true }).click();

  const shown = (heading) => {
    const named = page.getByRole('heading', { name: heading, exact: true });
    return page.locator('.commands').filter({ has: named }).locator('pre').innerText();
  };
  seen.secret = await shown('Kubernetes: Secret for cert-manager');
  seen.issuer = await shown('Kubernetes: in the issuer, under acme');
  await page.reload();
  seen.again = (await page.content()).includes('shown only now');
  return seen;
});
