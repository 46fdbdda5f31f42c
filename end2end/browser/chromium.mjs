// What every script here begins with: a real browser, and pages that are watched.
//
// A script's argument is a JSON object; what it saw it prints as one.
import { chromium } from 'playwright-core';

/**
 * Runs `work` with the argument of the script and a browser, and prints what it returns. Where the argument has a port, all
 * hosts but this machine are found there.
 */
export async function drive(work) {
  const steps = JSON.parse(process.argv[2]);
  const hosts = steps.port ? [`--host-resolver-rules=MAP * 127.0.0.1:${steps.port}, EXCLUDE localhost`] : [];
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--hide-scrollbars', '--font-render-hinting=none', ...hosts],
  });
  try {
    console.log(JSON.stringify(await work(steps, browser)));
  } finally {
    await browser.close();
  }
}

/** A browser profile. Whatever pages of `origin` must never do is added to `problems`. */
export async function profile(browser, origin, problems, options = {}) {
  // The certificates are of CAs that only the test knows.
  const context = await browser.newContext({ ignoreHTTPSErrors: true, reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(30_000);
  const ours = (url) => url.startsWith(`${origin}/`);
  context.on('request', (request) => {
    const from = request.isNavigationRequest() ? '' : request.frame().url();
    const near = ours(request.url()) || request.url().startsWith('data:');
    if (ours(from) && !near) problems.push(`${from} asks ${request.url()}`);
  });
  context.on('console', (message) => {
    const at = message.page()?.url() ?? '';
    if (!ours(at) || !['error', 'warning'].includes(message.type())) return;
    // Chromium reports also the status of the page itself, and looks for an icon where an answer is no page.
    const { url } = message.location();
    const absent = message.text().startsWith('Failed to load resource');
    if (!absent || ![at, `${origin}/favicon.ico`].includes(url)) problems.push(`${at} logs: ${message.text()} (${url})`);
  });
  context.on('weberror', (error) => problems.push(`${error.page()?.url()} throws: ${error.error()}`));
  return context;
}

/** Signs in with an API key, through the form. */
export async function signIn(page, origin, key) {
  await page.goto(`${origin}/sign-in`);
  await page.locator('input[name=api_key]').fill(key);
  await page.locator('form[action="/auth/api-key"] button').click();
  await page.waitForURL(`${origin}/`);
}

/** Signs in through an OpenID provider that takes any password; leads to `path`. */
export async function signInBy(page, origin, provider, user, path = '/') {
  await page.goto(`${origin}/sign-in?return_to=${path}`);
  await page.locator(`a[href*="/auth/oidc/${provider}/login"]`).click();
  await page.locator('input[name=login]').fill(user);
  await page.locator('input[name=password]').fill('any is right');
  await page.locator('[type=submit]').first().click();
  await page.waitForURL(origin + path);
}
