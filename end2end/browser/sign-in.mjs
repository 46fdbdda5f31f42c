// Signs in through an OpenID provider and out again, in a real browser, as a person does it.
//
// The argument is a JSON object: origin, provider, user. It prints what it saw at each step as a JSON object.
import { chromium } from 'playwright-core';

const { origin, provider, user } = JSON.parse(process.argv[2]);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
const seen = {};
try {
  // The certificates are of CAs that only the test knows.
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const problems = [];
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) problems.push(message.text());
  });

  await page.goto(`${origin}/sign-in?return_to=/account`);
  await page.locator(`a[href*="/auth/oidc/${provider}/login"]`).click();
  await page.locator('input[name=login]').fill(user);
  await page.locator('input[name=password]').fill('any is right');
  await page.locator('[type=submit]').first().click();
  await page.waitForURL(`${origin}/account`);
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
  seen.problems = problems;
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
