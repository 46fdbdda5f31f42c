// Signs in through an OpenID provider and out again, as a person does it.
//
// Takes: origin, provider, user. Returns what it saw at each step.
import { drive, profile, signInBy } from './chromium.mjs';

await drive(async ({ origin, provider, user }, browser) => {
  const seen = { problems: [] };
  const context = await profile(browser, origin, seen.problems);
  const page = await context.newPage();

  await signInBy(page, origin, provider, user, '/account');
  seen.account = await page.locator('main').innerText();
  // Cookies do not know ports: the provider's are among them.
  seen.cookies = (await context.cookies(origin))
    .filter(({ name }) => name.includes('certctl'))
    .map(({ name, secure, httpOnly, sameSite }) => ({ name, secure, httpOnly, sameSite }));

  await page.locator('form[action="/auth/logout"] button').first().click();
  await page.locator('button[name=logout]').click();
  await page.waitForURL((url) => url.href.startsWith(`${origin}/sign-in`));
  seen.after = new URL(page.url()).pathname;
  const me = await context.request.get(`${origin}/api/auth/me`);
  seen.me = me.status();
  return seen;
});
