// Walks through portal and console of a running gateway as a person does, and prints PASS or FAIL for each step.
// `./run` starts the gateway and sets:
//
//   PORTAL_URL  http://127.0.0.1:8080
//   ADMIN_URL   http://127.0.0.1:8081
//   SETUP_URL   the one-time link that the first start printed
//   SMTP_PORT   where the gateway takes mail
//   MAIL        path of a mail with attachments that are withheld
//   FILES       paths of the files to upload, separated by ':'; some are rebuilt, some withheld
//   OUT         directory for screenshots and downloads
//   CHROMIUM    the browser, /usr/bin/chromium when not set
import { chromium } from 'playwright-core';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { totp } from './totp.mjs';
import { admin, expect, need, portal, send, until } from './walk.mjs';

const setup = need('SETUP_URL');
const files = need('FILES').split(':').filter(Boolean);
const smtp = Number(need('SMTP_PORT'));
const mail = fs.readFileSync(need('MAIL'));
const STAFF = 'staff@city.example.lg.jp';
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const out = need('OUT');
fs.mkdirSync(out, { recursive: true });

const account = { name: 'kanri01', password: 'correct horse battery', recovery: [] };
// Chromium refuses to run as root inside its own sandbox; anybody else keeps it.
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: process.getuid() === 0 ? ['--no-sandbox'] : [],
});
const context = await browser.newContext({ locale: 'ja-JP', viewport: { width: 1200, height: 900 }, acceptDownloads: true });
const page = await context.newPage();
const trouble = [];
page.on('pageerror', (error) => trouble.push(`script error on ${new URL(page.url()).pathname}: ${error.message}`));
page.on('console', (message) => {
  if (/Content Security Policy/i.test(message.text())) trouble.push(message.text());
});
page.on('request', (request) => {
  const { origin } = new URL(request.url());
  if (origin !== new URL(portal).origin && origin !== new URL(admin).origin && origin !== 'null') trouble.push(`request to ${origin}`);
});

let passed = 0;
let failed = 0;
let number = 0;
/** Addresses that the accessibility check looks at in the end. */
const seen = new Set();
const step = async (name, work) => {
  number += 1;
  const shot = path.join(out, `${String(number).padStart(2, '0')}-${name.replaceAll(/[^a-z0-9]+/g, '-')}.png`);
  try {
    await work();
    passed += 1;
    console.log(`PASS ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}: ${String(error.message).split('\n')[0]}`);
  }
  if (page.url().startsWith('http')) seen.add(page.url());
  await page.screenshot({ path: shot, fullPage: true }).catch(() => {});
};
const text = (selector) => page.locator(selector).allInnerTexts();

/** Waits until a picture is there, and gives its size in pixels; nothing where the browser could not show it. */
const pixels = async (picture) => {
  await picture.scrollIntoViewIfNeeded();
  return picture.evaluate(async (image) => {
    await image.decode().catch(() => {});
    return { width: image.naturalWidth, height: image.naturalHeight };
  });
};
/** What is shown, at the width of a phone. */
const phone = async (name) => {
  const size = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page is wider than the screen');
  await page.screenshot({ path: path.join(out, `${name}-phone.png`), fullPage: true });
  await page.setViewportSize(size);
};

let result = '';
await step('open the portal', async () => {
  await page.goto(`${portal}/`);
  expect(await page.getAttribute('html', 'lang') === 'ja', 'the page is not Japanese');
  expect((await text('h1')).join() === 'ファイルを無害化する', 'no heading');
});
await step(`upload ${files.length} files`, async () => {
  await page.setInputFiles('input[type=file]', files);
  expect(await page.locator('[data-chosen] li').count() === files.length, 'the chosen files are not listed');
  await page.click('button[type=submit]');
  await page.waitForURL(/\/b\/[0-9a-f]{32}$/, { timeout: 60_000 });
  result = page.url();
  expect(await page.locator('#files > li').count() === files.length, 'not every file has a row');
});
await step('see every file finished without reloading', async () => {
  const done = new RegExp(`^${files.length}件中 ${files.length}件完了$`);
  await page.locator('#progress', { hasText: done }).waitFor({ timeout: 120_000 });
});
await step('read findings and reasons', async () => {
  const sentences = await text('#files .account li');
  expect(sentences.length > 0, 'no finding is told');
  // A closed section has no text: what was found inside an archive must be open to the eye.
  expect(sentences.every((sentence) => sentence !== ''), 'a finding is out of sight');
  for (const sentence of sentences) console.log(`     ${sentence}`);
  const drawn = await page.locator('#files > li', { hasText: '見積書.pdf' }).innerText();
  expect(/見た目の一致度: [0-9.]+%（1ページを元と比べました）/.test(drawn), 'how alike the pages are is not told');
});
await step('see the first page of each safe file that has pages', async () => {
  const pictures = page.locator('#files .thumbnail img');
  expect(await pictures.count() === 2, `${await pictures.count()} pictures`);
  for (let index = 0; index < 2; index += 1) {
    const picture = pictures.nth(index);
    const { width, height } = await pixels(picture);
    expect(Math.max(width, height) > 0 && Math.max(width, height) <= 321, `${width} x ${height}`);
    console.log(`     ${await picture.getAttribute('alt')}: ${width} x ${height}`);
  }
  await phone('result');
});
await step('turn the pages of a safe file', async () => {
  await page.locator('#files > li', { hasText: '見積書.pdf' }).locator('.thumbnail').click();
  const sizes = [];
  for (const number of [1, 2, 3]) {
    const here = `3ページ中 ${number}ページ目`;
    expect((await text('main')).join().includes(here), `not on ${here}`);
    sizes.push(await pixels(page.locator('img.sheet')));
    if (number === 1) await phone('page');
    if (number < 3) await page.locator('a[rel=next]').first().click();
  }
  expect(sizes.every(({ width, height }) => Math.abs(Math.max(width, height) - 1600) <= 1), JSON.stringify(sizes));
  expect(sizes[0].height > sizes[0].width && sizes[1].width > sizes[1].height, 'the second page is not on its side');
  expect(await page.locator('a[rel=next]').count() === 0, 'there is a page after the last');
  await page.locator('a[rel=prev]').first().click();
  seen.add(page.url());
});
await step('pages can be turned without scripts', async () => {
  const plain = await browser.newContext({ javaScriptEnabled: false, locale: 'en-GB' });
  const other = await plain.newPage();
  await other.goto(page.url().replace(/2$/, '1'));
  await other.locator('a[rel=next]').first().click();
  expect((await other.locator('main').innerText()).includes('Page 2 of 3'), 'not on the second page');
  await plain.close();
  await page.goto(result);
});
await step('download every safe version', async () => {
  const links = page.locator('#files a[download]');
  const count = await links.count();
  expect(count > 0, 'there is nothing to download');
  for (let index = 0; index < count; index += 1) {
    const [download] = await Promise.all([page.waitForEvent('download'), links.nth(index).click()]);
    const name = download.suggestedFilename();
    await download.saveAs(path.join(out, name));
    expect(fs.statSync(path.join(out, name)).size > 0, `${name} is empty`);
    console.log(`     ${name}`);
  }
});
await step('see a withheld file told with its reason', async () => {
  expect(await page.locator('#files .status.stop').count() > 0, 'no file is withheld');
});
await step('result page works without scripts', async () => {
  const plain = await browser.newContext({ javaScriptEnabled: false, locale: 'ja-JP' });
  const other = await plain.newPage();
  await other.goto(result);
  expect(await other.locator('#files > li').count() === files.length, 'rows are missing');
  await plain.close();
});
await step('a wrong address tells nothing', async () => {
  const answer = await page.goto(`${portal}/b/${'0'.repeat(32)}`);
  expect(answer.status() === 404, `status ${answer.status()}`);
});
await step('console asks for sign-in', async () => {
  await page.goto(`${admin}/quarantine`);
  expect(new URL(page.url()).pathname === '/sign-in', page.url());
});
await step('create the first administrator', async () => {
  await page.goto(setup);
  await page.fill('#name', account.name);
  await page.fill('#password', account.password);
  await page.fill('#again', account.password);
  await page.click('form.card button[type=submit]');
  await page.waitForURL(/\/sign-in/);
});
await step('set-up link is used up', async () => {
  const answer = await page.goto(setup);
  expect(answer.status() === 404, `status ${answer.status()}`);
});
await step('sign in', async () => {
  await page.goto(`${admin}/sign-in`);
  await page.fill('#name', account.name);
  await page.fill('#password', account.password);
  await page.click('form.card button[type=submit]');
  await page.waitForURL(`${admin}/account/second-factor`);
  expect(await page.locator('nav').count() === 0, 'there is more to do than to enrol');
  const { width, height } = await page.locator('svg.qr').boundingBox();
  expect(width === height && width > 200, `the picture is ${width} x ${height}`);
  await phone('second-factor');
});
await step('a wrong code enrols nothing', async () => {
  await page.fill('#code', '000000');
  await page.click('form.card button[type=submit]');
  expect((await text('#problem')).join().includes('数字が違います'), 'no problem is told');
});
await step('enrol the second factor', async () => {
  await page.fill('#code', totp(await page.locator('#secret').innerText()));
  await page.click('form.card button[type=submit]');
  account.recovery = await text('.codes li');
  expect(account.recovery.length === 10, `${account.recovery.length} recovery codes`);
});
await step('go on to the dashboard', async () => {
  await page.click('main a.primary');
  expect((await text('h1')).join() === 'ダッシュボード', 'no dashboard');
});
await step('see the own account', async () => {
  await page.click('header a[href="/account"]');
  expect((await text('main')).join().includes('この端末'), 'the session is not listed');
});
await step('create a user', async () => {
  await page.goto(`${admin}/users`);
  await page.fill('#name', 'kansa01');
  await page.selectOption('#role', 'auditor');
  await page.fill('#address', 'kansa@city.example.lg.jp');
  await page.click('form.card button[type=submit]');
  expect((await text('#password')).join().length === 19, 'no temporary password');
});
await step('see the user', async () => {
  await page.click('main a.primary');
  expect((await text('h1')).join() === 'kansa01', 'not the user');
  await phone('user');
});
await step('find the uploads in tracking', async () => {
  await page.goto(`${admin}/messages`);
  expect(await page.locator('tbody tr').count() >= files.length, 'uploads are missing');
});
await step('read the record of an upload', async () => {
  await page.click('tbody tr:first-child a');
  await page.locator('.timeline li').first().waitFor();
});
await step('find a mail with what was withheld of it', async () => {
  await send(STAFF, mail);
  const row = page.locator('tbody tr', { hasText: 'sender@example.jp' });
  await until('the mail is not converted', async () => {
    await page.goto(`${admin}/messages`);
    return await row.count() > 0 && await row.locator('.status.wait, .status.run').count() === 0;
  });
  await row.first().locator('a').first().click();
  await page.locator('.timeline li').first().waitFor();
});
await step('see the withheld file in quarantine', async () => {
  await page.goto(`${admin}/quarantine`);
  expect(await page.locator('tbody tr').count() > 0, 'the quarantine is empty');
});
await step('read why it was withheld', async () => {
  await page.click('tbody tr:first-child a');
  await page.locator('dl.facts').waitFor();
  const reason = (await text('.notice')).join();
  expect(reason.length > 4, 'no reason is told');
  console.log(`     ${reason.replaceAll('\n', ' ')}`);
});
await step('read why an original cannot be shown', async () => {
  await page.locator('main a.primary').click();
  const words = (await text('.compare .notice')).join();
  expect(words.startsWith('画像で表示できません。理由: ') && await page.locator('img').count() === 0, words);
  console.log(`     ${words}`);
});
let looked = 0;
await step('look at the pages of a withheld original', async () => {
  await page.goto(`${admin}/quarantine`);
  await page.locator('tbody tr', { hasText: '請求書.pdf' }).locator('a').first().click();
  await page.locator('main a.primary').click();
  for (const number of [1, 2]) {
    expect((await text('main')).join().includes(`3ページ中 ${number}ページ目`), `not on page ${number}`);
    const { width, height } = await pixels(page.locator('img.sheet'));
    expect(Math.abs(Math.max(width, height) - 1600) <= 1, `${width} x ${height}`);
    looked += 1;
    if (number === 1) {
      await phone('original');
      await page.locator('a[rel=next]').first().click();
    }
  }
});
await step('compare an original with what became of it', async () => {
  await page.goto(`${admin}/messages?q=${encodeURIComponent('見積書.pdf')}`);
  await page.locator('tbody tr a').first().click();
  await page.locator('tbody tr a', { hasText: 'ページを見る' }).click();
  const sheets = page.locator('img.sheet');
  expect(await sheets.count() === 2, 'there are not two pictures');
  const sizes = [await pixels(sheets.nth(0)), await pixels(sheets.nth(1))];
  looked += 1;
  expect(sizes.every(({ width, height }) => width > 1000 && height > width), JSON.stringify(sizes));
  await phone('compare');
});
await step('an attachment is taken out of its mail to be looked at', async () => {
  const attachment = fs.readFileSync(files.find((name) => name.endsWith('見積書.pdf'))).toString('base64').replaceAll(/.{76}/g, '$&\r\n');
  await send(STAFF, [
    'From: plans@example.jp', 'To: staff@city.example.lg.jp', 'Subject: plans', 'MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary=b', '',
    '--b', 'Content-Type: text/plain', '', 'see attachment', '--b', 'Content-Type: application/pdf; name=plans.pdf',
    'Content-Disposition: attachment; filename=plans.pdf', 'Content-Transfer-Encoding: base64', '', attachment, '--b--', '',
  ].join('\r\n'));
  const row = page.locator('tbody tr', { hasText: 'plans' });
  await until('the mail is not converted', async () => {
    await page.goto(`${admin}/messages?kind=mail`);
    return await row.locator('.status.ok').count() > 0;
  });
  await row.locator('a').first().click();
  await page.locator('tbody tr a', { hasText: 'ページを見る' }).click();
  const { width } = await pixels(page.locator('img.sheet'));
  expect(width > 1000, `${width} pixels`);
  looked += 1;
});
await step('the audit names each page of an original that was shown', async () => {
  await page.goto(`${admin}/audit`);
  const rows = page.locator('tbody tr', { hasText: 'original_viewed' });
  expect(await rows.count() === looked, `${await rows.count()} rows for ${looked} pages`);
  expect((await rows.allInnerTexts()).every((row) => row.includes(account.name) && row.includes('page: ')), 'a row does not say who and what');
});
await step('audit chain is intact', async () => {
  await page.goto(`${admin}/audit`);
  expect(await page.locator('.notice.ok').count() === 1, 'the chain is not told to be intact');
});
/** A page as people have it set: dark, enlarged to 200 %, on a phone. Nothing may be wider than the screen. */
const everywhere = async (name) => {
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.screenshot({ path: path.join(out, `${name}-dark.png`), fullPage: true });
  await page.emulateMedia({ colorScheme: 'light' });
  const size = page.viewportSize();
  await page.setViewportSize({ width: size.width / 2, height: size.height / 2 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page is wider than the screen at 200 %');
  await page.screenshot({ path: path.join(out, `${name}-200.png`), fullPage: true });
  await page.setViewportSize(size);
  await phone(name);
};
await step('read the dashboard', async () => {
  const answer = await page.goto(`${admin}/`);
  const bytes = await page.evaluate(() => performance.getEntriesByType('resource').reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0));
  const whole = bytes + (await answer.body()).length;
  expect(whole < 100_000, `${whole} bytes`);
  console.log(`     ${whole} bytes with its style sheet`);
  expect(await page.locator('figure').count() === 4, 'a chart is missing');
  for (const summary of await page.locator('figure summary').all()) await summary.click();
  expect((await text('figure table')).length === 4, 'a chart has no table');
  expect((await text('figure table')).join().includes('pdf'), 'the types are not told');
  await everywhere('dashboard');
});
await step('search by fields', async () => {
  await page.goto(`${admin}/messages`);
  await page.click('details summary');
  await page.fill('#sender', 'SENDER@');
  await page.fill('#file', '.');
  await page.click('form.filter button');
  expect(await page.locator('tbody tr').count() >= 1, 'the mail is not found');
  expect((await text('tbody tr')).every((row) => row.includes('sender@example.jp')), 'something else is found');
  await everywhere('tracking');
  await page.click('tbody tr:first-child a');
  expect((await text('.timeline')).join().includes('127.0.0.1'), 'it is not told where the mail came from');
  await everywhere('record');
});
await step('see what was refused', async () => {
  await new Promise((resolve, reject) => {
    const said = ['EHLO relay.example.jp', 'MAIL FROM:<refused@example.jp> SIZE=99999999999', 'QUIT'];
    const socket = net.connect(smtp, '127.0.0.1');
    socket.on('error', reject);
    socket.on('close', resolve);
    let answers = '';
    socket.on('data', (chunk) => {
      answers += chunk.toString('latin1');
      if (/^\d{3} [^\r]*\r\n$/m.test(answers.slice(answers.lastIndexOf('\n', answers.length - 2) + 1)) && said.length > 0) socket.write(`${said.shift()}\r\n`);
    });
  });
  const row = page.locator('tbody tr', { hasText: 'refused@example.jp' });
  await until('the refusal is not listed', async () => {
    await page.goto(`${admin}/refusals?sender=refused`);
    return await row.count() > 0;
  });
  await everywhere('refusals');
});
await step('filter the audit, verify its chain and take it along', async () => {
  await page.goto(`${admin}/audit`);
  await page.selectOption('#action', 'original_viewed');
  await page.fill('#actor', account.name);
  await page.click('form.filter button');
  expect(await page.locator('tbody tr').count() === looked, 'not the pages looked at');
  await everywhere('audit');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('button[value=csv]')]);
  await download.saveAs(path.join(out, download.suggestedFilename()));
  expect(fs.readFileSync(path.join(out, download.suggestedFilename()), 'utf8').split('\r\n').length === looked + 4, 'not a line for each');
  await page.click('.notice button');
  expect(await page.locator('.notice.ok').count() === 1, 'the chain is not told to be intact');
});
await step('read the settings in force', async () => {
  await page.goto(`${admin}/policy`);
  expect((await text('tbody tr', { hasText: 'clamd' })).some((row) => row.includes('設定ファイル')), 'the origin is not told');
  await everywhere('policy');
});
await step('have the installation examined', async () => {
  await page.goto(`${admin}/system`);
  await page.locator('main form button').click({ timeout: 120_000 });
  await page.locator('#found tr', { hasText: 'containment level' }).waitFor({ timeout: 120_000 });
  await everywhere('system');
});
await step('the figures tell what happened', async () => {
  const figures = await (await fetch(`${admin}/metrics`)).text();
  fs.writeFileSync(path.join(out, 'metrics.txt'), figures);
  for (const line of [
    'misogi_accepted_total{source="mail"} 2',
    `misogi_accepted_total{source="upload"} ${files.length}`,
    'misogi_finished_total{verdict="partly_withheld"} 1',
    'misogi_parts_withheld_total{reason="unsupported_type"}',
    'misogi_deliveries_total{outcome="delivered"} 2',
    'misogi_working{part="rooms"} 1',
    'misogi_queue_oldest_seconds 0',
  ]) expect(figures.includes(line), `${line} is missing`);
});
await step('sign out', async () => {
  await page.click('header form button');
  await page.waitForURL(/\/sign-in/);
  await page.goto(`${admin}/`);
  expect(new URL(page.url()).pathname === '/sign-in', 'still signed in');
});
await step('no script error, no blocked resource, no other origin', async () => {
  expect(trouble.length === 0, trouble.join('; '));
});
// Scripts of a test may not run under the pages' own policy, so this is done in a context of its own that ignores it.
await step('no page breaks an accessibility rule', async () => {
  const context = await browser.newContext({ locale: 'ja-JP', bypassCSP: true });
  const other = await context.newPage();
  const broken = [];
  const look = async (address) => {
    await other.goto(address);
    await other.addScriptTag({ path: axe });
    const { violations } = await other.evaluate(() => globalThis.axe.run());
    for (const { id, nodes } of violations) broken.push(`${new URL(other.url()).pathname}: ${id}: ${nodes[0].html}`);
  };
  for (const address of [`${portal}/`, `${admin}/sign-in`]) await look(address);
  await other.fill('#name', account.name);
  await other.fill('#password', account.password);
  await other.click('form.card button[type=submit]');
  await other.waitForURL(`${admin}/sign-in/code`);
  seen.add(other.url());
  await look(`${admin}/sign-in/code`);
  await other.fill('#code', account.recovery[0]);
  await other.click('form.card button[type=submit]');
  await other.waitForURL(`${admin}/`);
  for (const name of ['account', 'account/password', 'account/keys', 'users', 'users/import', 'webhooks']) await look(`${admin}/${name}`);
  // The set-up link shows the page of a used-up link.
  for (const address of seen) await look(address);
  console.log(`     ${seen.size + 2} pages`);
  expect(broken.length === 0, broken.join('; '));
  await context.close();
});
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
