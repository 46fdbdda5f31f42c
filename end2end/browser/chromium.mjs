// What every script here begins with: a real browser, and pages that are watched.
//
// A script's argument is a JSON object; what it saw it prints as one.
import { chromium } from 'playwright-core';

/** Runs `work` with the argument of the script and a browser, and prints what it returns. */
export async function drive(work) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--hide-scrollbars', '--font-render-hinting=none'],
  });
  try {
    console.log(JSON.stringify(await work(JSON.parse(process.argv[2]), browser)));
  } finally {
    await browser.close();
  }
}

/** A browser profile. Whatever pages of `origin` must never do is added to `problems`. */
export async function profile(browser, origin, problems, options = {}) {
  // The certificates are of CAs that only the test knows.
  const context = await browser.newContext({ ignoreHTTPSErrors: true, reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(20_000);
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
