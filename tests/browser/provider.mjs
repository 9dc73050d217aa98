// Signs in with accounts of an organisation, at a provider of somebody else's making, and out again. `./run` starts both and sets what flow.mjs
// describes.
import { chromium } from 'playwright-core';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { totp } from './totp.mjs';

const need = (name) => {
  const value = process.env[name];
  if (!value) { console.error(`${name} is not set`); process.exit(2); }
  return value;
};
const [portal, admin] = [need('PORTAL_URL'), need('ADMIN_URL')].map((url) => url.replace(/\/$/, ''));
const idp = need('IDP_URL');
const out = path.join(need('OUT'), 'provider');
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
fs.mkdirSync(out, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: process.getuid() === 0 ? ['--no-sandbox'] : [],
});
let [passed, failed, number] = [0, 0, 0];
let page;
/** A browser of somebody else; the pages' own policy is kept, because it decides whether the way to the provider works. */
const person = async () => {
  const context = await browser.newContext({ locale: 'ja-JP', viewport: { width: 1200, height: 900 } });
  page = await context.newPage();
  // Its pages ask for fonts elsewhere.
  await page.route((url) => url.hostname !== 'localhost', (route) => route.abort());
};
const expect = (condition, what) => { if (!condition) throw new Error(what); };
const step = async (name, work) => {
  number += 1;
  try {
    await work();
    passed += 1;
    console.log(`PASS ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}: ${String(error.message).split('\n')[0]} (at ${page.url()})`);
  }
  const shot = `${String(number).padStart(2, '0')}-${name.replaceAll(/[^a-z0-9]+/g, '-')}.png`;
  await page.screenshot({ path: path.join(out, shot), fullPage: true }).catch(() => {});
};
/** Broken accessibility rules of the page, and what is wider than a phone: looked at from outside of the page's policy. */
const look = async () => {
  const session = await page.context().newCDPSession(page);
  await session.send('Page.setBypassCSP', { enabled: true });
  await page.reload();
  await page.addScriptTag({ path: axe });
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  await session.send('Page.setBypassCSP', { enabled: false });
  expect(violations.length === 0, violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`).join('; '));
  const size = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  await page.setViewportSize(size);
  expect(!wide, 'the page is wider than a phone');
};
const text = () => page.locator('main').innerText();
const pathname = () => new URL(page.url()).pathname;
/** From our page to the provider's, and as `name` through it. */
const signIn = async (name) => {
  await page.click('a[href^="/sign-in/organisation"]');
  await page.waitForURL(`${idp}/**`);
  await page.fill('input[name=login]', name);
  await page.fill('input[name=password]', 'any');
  await page.click('button[type=submit]');
  await page.click('button[type=submit]');
};

await person();
await step('the portal offers the organisation account', async () => {
  await page.goto(`${portal}/history`);
  expect(pathname() === '/sign-in', page.url());
  await look();
});
await step('staff sign in at the provider and are where they wanted to go', async () => {
  await signIn('taro');
  await page.waitForURL(`${portal}/history`);
  expect((await page.locator('header').innerText()).includes('taro'), 'the name is missing');
});
await step('the account says where it is kept', async () => {
  await page.goto(`${portal}/account`);
  expect((await text()).includes('組織のアカウント'), 'the source is missing');
  expect(await page.locator('a[href="/account/password"]').count() === 0, 'a password is offered');
  await look();
});
await step('signing out offers to sign out there', async () => {
  await page.click('header form button');
  await page.waitForURL(`${portal}/sign-in?from=organisation`);
  await look();
});
await step('while the provider still knows them one click is enough', async () => {
  await page.click('a[href^="/sign-in/organisation"]:not([href$="/out"])');
  await page.waitForURL(`${portal}/`);
});
await step('and signing out there ends it', async () => {
  await page.click('header form button');
  await page.click('a[href="/sign-in/organisation/out"]');
  await page.waitForURL(`${idp}/**`);
  await page.click('button[name=logout]');
  await page.waitForURL(`${portal}/sign-in`);
  await page.click('a[href^="/sign-in/organisation"]');
  await page.waitForURL(`${idp}/**`);
  await page.locator('input[name=login]').waitFor();
});
await person();
await step('who is in no group stays outside and reads why', async () => {
  await page.goto(`${portal}/`);
  await signIn('dareka');
  await page.waitForURL(`${portal}/sign-in/organisation/callback?**`);
  expect((await text()).includes('役割が割り当てられていません'), await text());
});
await person();
await step('staff have nothing to do in the console', async () => {
  await page.goto(`${admin}/`);
  await signIn('taro');
  await page.waitForURL(`${admin}/sign-in/organisation/callback?**`);
  expect((await text()).includes('役割が割り当てられていません'), await text());
});
await person();
await step('an operator enrols the second factor', async () => {
  await page.goto(`${admin}/`);
  await signIn('hanako');
  await page.waitForURL(`${admin}/account/second-factor`);
  await page.fill('#code', totp(await page.locator('#secret').innerText()));
  await page.locator('main form button[type=submit]').click();
  await page.click('main a.primary');
  await page.waitForURL(`${admin}/`);
});
await step('and is asked for it the next time', async () => {
  await page.click('header form button');
  await page.click('a[href^="/sign-in/organisation"]:not([href$="/out"])');
  await page.waitForURL(`${admin}/sign-in/code`);
});
await person();
await step('an answer that was looked at elsewhere signs nobody in', async () => {
  await page.goto(`${portal}/sign-in/organisation/callback?code=x&state=${'0'.repeat(64)}`);
  expect((await text()).includes('有効期限'), await text());
});
await step('the administrator sees where accounts come from', async () => {
  await page.goto(need('SETUP_URL'));
  for (const [id, value] of Object.entries({ name: 'kanri01', password: 'correct horse battery', again: 'correct horse battery' })) await page.fill(`#${id}`, value);
  await page.locator('main form button[type=submit]').first().click();
  for (const [id, value] of Object.entries({ name: 'kanri01', password: 'correct horse battery' })) await page.fill(`#${id}`, value);
  await page.locator('main form button[type=submit]').first().click();
  await page.fill('#code', totp(await page.locator('#secret').innerText()));
  await page.locator('main form button[type=submit]').click();
  await page.goto(`${admin}/users`);
  const row = page.locator('tbody tr', { hasText: 'hanako' });
  expect((await row.innerText()).includes('組織のアカウント') && (await row.innerText()).includes('運用担当'), 'the row is wrong');
  await look();
  await row.locator('a').click();
  expect((await text()).includes('登録元で管理'), 'the hint is missing');
  expect(await page.locator('select#role').count() === 0, 'a role is offered');
  await look();
});
await person();
const silent = [];
page.on('request', (request) => { if (request.url().startsWith(idp) && request.url().includes('prompt=none')) silent.push(request.url()); });
await step('who is known there goes on without seeing anything of it', async () => {
  await page.goto(`${portal}/history`);
  await signIn('taro');
  await page.waitForURL(`${portal}/history`);
  // Half of the time for which the provider is believed.
  await page.waitForTimeout(31_000);
  await page.goto(`${portal}/requests`);
  await page.waitForURL(`${portal}/requests`);
  expect(silent.length === 1, `the provider was asked ${silent.length} times`);
  expect((await page.locator('header').innerText()).includes('taro'), 'the name is missing');
  await page.goto(`${portal}/history`);
  expect(silent.length === 1 && pathname() === '/history', 'asked again at once');
});
await step('and who has signed out there is signed out here and reads why', async () => {
  await page.goto(`${idp}/session/end`);
  await page.click('button[name=logout]');
  await page.waitForTimeout(31_000);
  await page.goto(`${portal}/history`);
  await page.waitForURL(`${portal}/sign-in/organisation/callback?**`);
  expect((await text()).includes('続けて確認できなかった'), await text());
  expect(await page.locator('a[href="/sign-in/organisation?next=%2Fhistory"]').count() === 1, 'the way back is lost');
  await page.goto(`${portal}/history`);
  expect(pathname() === '/sign-in', page.url());
});
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
