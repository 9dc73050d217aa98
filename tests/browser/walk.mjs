// What the walks share: a browser, people with browsers of their own, steps that are looked at from all sides, and mail.
import { chromium } from 'playwright-core';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { totp } from './totp.mjs';

/** A variable that `./run` sets; flow.mjs describes them. */
export const need = (name) => {
  const value = process.env[name];
  if (!value) { console.error(`${name} is not set`); process.exit(2); }
  return value;
};
export const [portal, admin] = ['PORTAL_URL', 'ADMIN_URL'].map((name) => need(name).replace(/\/$/, ''));
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** Where this walk leaves its pictures. */
let out = '';
let browser;
/** Script errors of any page. */
export const trouble = [];
/** Opens the browser of a walk, which is called `name`; the answer is the directory of its pictures. */
export const begin = async (name) => {
  out = path.join(need('OUT'), name);
  fs.mkdirSync(out, { recursive: true });
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // Chromium refuses to run as root inside its own sandbox; anybody else keeps it.
    args: process.getuid() === 0 ? ['--no-sandbox'] : [],
  });
  return out;
};
/** A person with a browser of their own. The check of accessibility is a script of ours, which the pages' policy would not let in; flow.mjs
 * keeps the policy. */
export const person = async (options = {}) => {
  const context = await browser.newContext({ locale: 'ja-JP', viewport: { width: 1280, height: 900 }, bypassCSP: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on('pageerror', (error) => trouble.push(error.message));
  return page;
};

export const expect = (condition, what) => { if (!condition) throw new Error(what); };
export const fill = async (page, fields) => { for (const [id, value] of Object.entries(fields)) await page.fill(`#${id}`, value); };
export const submit = (page) => page.locator('main form button[type=submit]').first().click();
export const text = (page) => page.locator('main').innerText();

let [passed, failed, number] = [0, 0, 0];
/** Says what is wider than the window at a width, and puts the window back. */
const fits = async (page, width, what) => {
  const size = page.viewportSize();
  await page.setViewportSize({ width, height: 844 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  await page.setViewportSize(size);
  expect(!wide, `the page is wider than ${what}`);
};
/** Keeps a picture of what is shown. */
export const picture = (page, name) => page.screenshot({ path: path.join(out, `${name}.png`), fullPage: true }).catch(() => {});
/** Does a step, looks for broken accessibility rules and for what is wider than a phone or than the window at 200 %, and keeps a picture. */
export const step = async (page, name, work) => {
  number += 1;
  try {
    await work();
    if (page.url().startsWith('http')) {
      if (!await page.evaluate(() => 'axe' in globalThis)) await page.addScriptTag({ path: axe });
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      expect(violations.length === 0, violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`).join('; '));
      await fits(page, 390, 'a phone');
      await fits(page, page.viewportSize().width / 2, 'the window at 200 %');
    }
    passed += 1;
    console.log(`PASS ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}: ${String(error.message).split('\n')[0]} (at ${page.url()})`);
  }
  await picture(page, `${String(number).padStart(2, '0')}-${name.replaceAll(/[^a-z0-9]+/g, '-')}`);
};
/** Closes the browser, and ends the program with what came of the steps. */
export const end = async () => {
  await browser.close();
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
};

/** The administrator that the set-up link makes. */
export const own = { name: 'kanri01', password: 'correct horse battery' };
/** Follows the set-up link, signs in and enrols. */
export const enrol = async (page) => {
  await page.goto(need('SETUP_URL'));
  await fill(page, { ...own, again: own.password });
  await submit(page);
  await fill(page, own);
  await submit(page);
  await page.fill('#code', totp(await page.locator('#secret').innerText()));
  await submit(page);
  await page.click('main a.primary');
  await page.waitForURL(`${admin}/`);
};
/** Makes an account; the answer is its temporary password. */
export const register = async (page, { name, role, address }) => {
  await page.goto(`${admin}/users`);
  await fill(page, { name, ...(address && { address }) });
  if (role) await page.selectOption('#role', role);
  await submit(page);
  return page.locator('#password').innerText();
};
/** Signs in with what the administrator gave, and chooses a password; with a second step where the role needs one. */
export const settle = async (page, site, { name, temporary }) => {
  const password = 'another long password';
  await page.goto(`${site}/sign-in`);
  await fill(page, { name, password: temporary });
  await submit(page);
  await page.waitForURL(`${site}/account/password`);
  await fill(page, { current: temporary, password, again: password });
  await submit(page);
  await fill(page, { name, password });
  await submit(page);
  if (await page.locator('#secret').count() > 0) {
    await page.fill('#code', totp(await page.locator('#secret').innerText()));
    await submit(page);
    await page.click('main a.primary');
  }
  await page.waitForURL(`${site}/`);
};

/** Sends one mail the way a mail server does, and waits for the last reply. */
export const send = (to, message) => new Promise((resolve, reject) => {
  const body = Buffer.from(message).toString('latin1').replaceAll(/\r?\n/g, '\r\n').replaceAll(/^\./gm, '..');
  const said = ['EHLO relay.example.jp', 'MAIL FROM:<sender@example.jp>', `RCPT TO:<${to}>`, 'DATA', `${body}\r\n.`, 'QUIT'];
  const socket = net.connect(Number(need('SMTP_PORT')), '127.0.0.1');
  let answers = '';
  socket.setTimeout(30_000, () => socket.destroy(new Error(`no answer from the intake: ${answers}`)));
  socket.on('error', reject);
  socket.on('data', (chunk) => {
    answers += chunk.toString('latin1');
    // A reply is over with the line that has a space behind its code.
    if (!/^\d{3} [^\r]*\r\n$/m.test(answers.slice(answers.lastIndexOf('\n', answers.length - 2) + 1))) return;
    if (/^[45]/m.test(answers)) socket.destroy(new Error(answers.trim()));
    else if (said.length > 0) socket.write(Buffer.from(`${said.shift()}\r\n`, 'latin1'));
    else resolve();
  });
});
/** Asks again until it is so. */
export const until = async (what, ask, patience = 60_000) => {
  const deadline = Date.now() + patience;
  while (!await ask()) {
    expect(Date.now() < deadline, what);
    await new Promise((resolve) => { setTimeout(resolve, 300); });
  }
};
