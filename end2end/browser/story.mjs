// The whole of what an administrator does with a client, in one sitting.
//
// Takes: origin, provider, user; names (two to be certified); lego, a command line with OPTIONS and NAME to be filled in, its
// env and cwd; roles, an API key for each role. Returns what it saw at each step.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { drive, profile as browserProfile, signIn, signInBy } from './chromium.mjs';
import { examine } from './examine.mjs';

await drive(async ({ origin, provider, user, names, lego, roles }, browser) => {
  const seen = { problems: [] };
  const context = await browserProfile(browser, origin, seen.problems, { acceptDownloads: true });
  const page = await context.newPage();
  const heading = () => page.locator('h1').innerText();
  const follow = async (name) => page.getByRole('main').getByRole('link', { name, exact: true }).first().click();
  const send = (name) => page.getByRole('main').getByRole('button', { name, exact: true }).click();
  const look = async () => seen.problems.push(...(await examine(page)));
  await signInBy(page, origin, provider, user);

  // A profile. What is wrong stands beside its field, and nothing has to be typed again.
  await page.goto(`${origin}/profiles`);
  await follow('New profile');
  await page.fill('[name=id]', 'prof-story');
  await page.fill('[name=name]', 'The story');
  await page.check('[name=acme_auth_mode][value=trust_authenticated]');
  await page.check('[name=eab_required]');
  await page.fill('[name=permitted_names]', '**.story.test');
  await page.fill('[name=max_ttl_seconds]', 'for ever');
  await page.locator('main form button.primary').click();
  seen.refused = await page.locator('.field.wrong').innerText();
  seen.kept = await page.inputValue('[name=permitted_names]');
  await look();
  await page.fill('[name=max_ttl_seconds]', '30d');
  await page.locator('main form button.primary').click();
  await page.waitForURL(`${origin}/profiles/prof-story`);
  seen.profile = await heading();

  // A key for its clients, with the options that lego needs; it is shown once.
  await page.goto(`${origin}/eab-keys`);
  await follow('Create an EAB key');
  await page.fill('[name=note]', 'the story');
  await send('Create the key');
  const named = page.getByRole('heading', { name: 'lego', exact: true });
  const options = (await page.locator('.commands').filter({ has: named }).locator('pre').innerText()).trim().split(/\s+/);
  seen.key = await heading();
  await look();
  await page.reload();
  seen.gone = !(await page.content()).includes(options.at(-1));

  const client = (name) => new Promise((done) => {
    const filled = { OPTIONS: options, NAME: [name] };
    const words = lego.words.flatMap((word) => filled[word] ?? [word]);
    execFile(words[0], words.slice(1), { env: { ...process.env, ...lego.env }, cwd: lego.cwd }, (error, out, errors) =>
      done({ code: error?.code ?? 0, text: out + errors }));
  });

  // A client gets its certificate, and all of it is seen.
  seen.first = await client(names[0]);
  await page.goto(`${origin}/certificates`);
  await follow(names[0]);
  seen.certificate = { url: page.url(), heading: await heading() };
  const certificate = page.url();
  await page.locator('main a[href^="/orders/"]').first().click();
  await page.waitForURL(`${origin}/orders/*`);
  seen.order = { heading: await heading(), told: await page.locator('.timeline').innerText() };
  await page.locator('main a[href^="/acme-accounts/"]').first().click();
  await page.waitForURL(`${origin}/acme-accounts/*`);
  const account = page.url();
  seen.account = await page.locator('main').innerText();
  await follow('Audit events');
  seen.audit = await page.locator('#list').innerText();

  // Suspended, it gets nothing, and the pages say why.
  await page.goto(account);
  await follow('Suspend');
  await page.fill('[name=reason]', 'its key was seen elsewhere');
  await look();
  await send('Suspend');
  await page.waitForURL(account);
  seen.suspended = await heading();
  seen.second = await client(names[1]);
  await page.reload();
  seen.explained = await page.locator('section[aria-labelledby=why]').innerText();
  await page.locator('section[aria-labelledby=why] a[href^="/audit/"]').click();
  await page.waitForURL(`${origin}/audit/*`);
  seen.refusal = await page.locator('main').innerText();

  // Resumed, it goes on.
  await page.goto(account);
  await follow('Resume');
  await page.fill('[name=reason]', 'it was a false alarm');
  await send('Resume');
  await page.waitForURL(account);
  seen.third = await client(names[1]);

  // Its first certificate is revoked.
  await page.goto(certificate);
  await follow('Revoke');
  await page.check('[name=reason][value=superseded]');
  await look();
  await send('Revoke for ever');
  await page.waitForURL(certificate);
  seen.revoked = await heading();

  // All of it is in the trail.
  await page.goto(`${origin}/audit`);
  const download = page.waitForEvent('download');
  await follow('Export CSV');
  seen.csv = await readFile(await (await download).path(), 'utf8');

  // Each role is led to what it may see, and to nothing else.
  const places = async (at) => at.locator('.side li a').evaluateAll((all) => all.map((a) => a.pathname));
  await page.goto(origin);
  const all = await places(page);
  seen.roles = {};
  for (const [role, key] of Object.entries(roles)) {
    const theirs = await browserProfile(browser, origin, seen.problems);
    const first = await theirs.newPage();
    await signIn(first, origin, key);
    const led = await places(first);
    const answers = {};
    for (const place of all) answers[place] = (await theirs.request.get(origin + place)).status();
    seen.roles[role] = { led, answers };
    await theirs.close();
  }
  return seen;
});
