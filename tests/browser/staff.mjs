// Walks through the states that a page of the portal has for staff: what is chosen and dropped, limits, passwords, what was taken back, what has
// ended, refusals; in both languages, in the dark, with forced colours. Measures what the first page weighs and whether anything on it moves.
// `./run` starts the gateway with low limits and sets what flow.mjs describes.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { admin, begin, end, enrol, expect, fill, need, person, picture, portal, register, settle, step, submit, text, trouble } from './walk.mjs';

const out = await begin('staff');
const [first, staff] = [await person(), await person()];
const context = staff.context();
const BUDGET = 100_000;

/** Drops files on an element as a person does. */
const drop = async (page, selector, files) => {
  const data = await page.evaluateHandle((all) => {
    const transfer = new DataTransfer();
    for (const { name, content } of all) transfer.items.add(new File([content], name));
    return transfer;
  }, files);
  for (const type of ['dragenter', 'dragover', 'drop']) await page.dispatchEvent(selector, type, { dataTransfer: data });
};
/** What is shown, as people have it set: dark, with forced colours, in English. */
const everywhere = async (page, name) => {
  await page.emulateMedia({ colorScheme: 'dark' });
  await picture(page, `${name}-dark`);
  await page.emulateMedia({ colorScheme: 'light', forcedColors: 'active' });
  await picture(page, `${name}-forced-colours`);
  const hidden = await page.locator('main a, main button, main input:not([type=hidden]):not(.visually-hidden)').evaluateAll((all) => all.filter((one) => {
    const style = getComputedStyle(one);
    return one.checkVisibility() && style.color === style.backgroundColor;
  }).length);
  expect(hidden === 0, `${hidden} controls cannot be told from their ground`);
  await page.emulateMedia({ forcedColors: 'none' });
  const size = page.viewportSize();
  await page.setViewportSize({ width: size.width / 2, height: size.height / 2 });
  await picture(page, `${name}-200`);
  await page.setViewportSize({ width: 390, height: 844 });
  await picture(page, `${name}-phone`);
  await page.setViewportSize(size);
};
/** Bytes of a page with all that it asks for, and how far its parts moved (Cumulative Layout Shift). */
const weigh = async (page, address) => {
  await page.addInitScript(() => {
    globalThis.shifts = [];
    new PerformanceObserver((list) => { for (const entry of list.getEntries()) globalThis.shifts.push(entry.value); }).observe({ type: 'layout-shift', buffered: true });
  });
  const answer = await page.goto(address, { waitUntil: 'networkidle' });
  await page.waitForTimeout(500);
  const rest = await page.evaluate(() => performance.getEntriesByType('resource').reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0));
  const bytes = rest + (await answer.body()).length;
  const moved = await page.evaluate(() => globalThis.shifts.reduce((sum, value) => sum + value, 0));
  console.log(`     ${new URL(address).pathname}: ${bytes} bytes, layout shift ${moved.toFixed(4)}`);
  expect(bytes < BUDGET, `${bytes} bytes`);
  expect(moved === 0, `parts of the page moved by ${moved}`);
};
/** Sends what is chosen, and waits for the verdicts. */
const sent = async (page, count) => {
  await submit(page);
  await page.waitForURL(/\/b\/[0-9a-f]{32}$/);
  await page.locator('#progress', { hasText: `${count}件中 ${count}件完了` }).waitFor({ timeout: 60_000 });
};
const csv = (name) => ({ name, mimeType: 'text/csv', buffer: Buffer.from('品名,数量\r\n机,2\r\n') });

let temporary = '';
await step(first, 'an administrator registers a member of staff', async () => {
  await enrol(first);
  temporary = await register(first, { name: 'shokuin-c', address: 'c@city.example.lg.jp' });
});
await step(staff, 'the page of signing in is light and stands still', () => weigh(staff, `${portal}/sign-in`));
await step(staff, 'a wrong password', async () => {
  await fill(staff, { name: 'shokuin-c', password: 'not the password' });
  await submit(staff);
  expect((await text(staff)).includes('利用者IDまたはパスワードが違います'), await text(staff));
});
await step(staff, 'staff sign in', () => settle(staff, portal, { name: 'shokuin-c', temporary }));
await step(staff, 'the first page is light and stands still', async () => {
  const fresh = await context.newPage();
  await weigh(fresh, `${portal}/`);
  await fresh.close();
});
await step(staff, 'the empty form', () => everywhere(staff, 'form'));
await step(staff, 'the empty form in english', async () => { await staff.goto(`${portal}/?lang=en`); });
await step(staff, 'the form without scripts', async () => {
  const plain = await person({ javaScriptEnabled: false, storageState: await context.storageState() });
  await plain.goto(`${portal}/?lang=ja`);
  expect(await plain.locator('input[type=file]').isVisible() && !await plain.locator('#whole').isVisible(), 'the plain form is not the plain form');
  await plain.setInputFiles('input[type=file]', [csv('一.csv'), { name: '空.txt', mimeType: 'text/plain', buffer: Buffer.alloc(0) }]);
  await plain.click('main form button[type=submit]');
  expect((await text(plain)).includes('0バイト'), await text(plain));
  await picture(plain, 'refused-without-scripts');
  await plain.locator('main a.primary').click();
  expect((await text(plain)).includes('一.csv'), 'the other file is not listed');
  await plain.context().close();
});
await step(staff, 'a file beside the drop area is not taken and the page stays', async () => {
  await staff.goto(`${portal}/?lang=ja`);
  await drop(staff, 'h1', [{ name: '外.csv', content: 'a,b' }]);
  expect(await staff.locator('[data-chosen] li').count() === 0, 'it is taken');
  await drop(staff, '[data-drop]', [{ name: '中.csv', content: 'a,b' }]);
  expect((await staff.locator('[data-chosen] li').allInnerTexts()).join().includes('中.csv'), 'it is not taken');
});
await step(staff, 'the whole window takes files where that is wished', async () => {
  await staff.check('#whole');
  await drop(staff, 'h1', [{ name: '外.csv', content: 'a,b' }]);
  expect(await staff.locator('[data-chosen] li').count() === 2, 'it is not taken');
});
await step(staff, 'which this browser remembers', async () => {
  await staff.reload();
  expect(await staff.isChecked('#whole'), 'it has forgotten');
  await drop(staff, 'footer', [{ name: '下.csv', content: 'a,b' }]);
  expect(await staff.locator('[data-chosen] li').count() === 1, 'it is not taken');
  await staff.uncheck('#whole');
  await staff.reload();
  expect(!await staff.isChecked('#whole'), 'it is wished still');
});
await step(staff, 'limits are told at each file before anything is sent', async () => {
  await staff.setInputFiles('input[type=file]', [
    csv('一.csv'), { name: '大きい.csv', mimeType: 'text/csv', buffer: Buffer.alloc(2_000_001, 'a,b\r\n') }, csv('三.csv'), csv('四.csv'),
  ]);
  const rows = await staff.locator('[data-chosen] li').allInnerTexts();
  expect(rows.length === 4 && rows[1].includes('上限を超えています') && rows[3].includes('数を超えています') && !rows[0].includes('超えて'), rows.join(' | '));
  await everywhere(staff, 'limits');
});
await step(staff, 'and the others are sent all the same', async () => {
  await submit(staff);
  const lead = staff.locator('main a.primary');
  await lead.waitFor();
  await picture(staff, 'some-refused');
  await lead.click();
  await staff.locator('#progress', { hasText: '件完了' }).waitFor();
  expect((await text(staff)).includes('一.csv') && !(await text(staff)).includes('大きい.csv'), await text(staff));
});
await step(staff, 'sending is cancelled', async () => {
  await staff.goto(`${portal}/`);
  await staff.route('**/uploads/*/*', async (route) => { if (route.request().method() !== 'PATCH') await route.continue(); });
  await staff.setInputFiles('input[type=file]', [csv('やめる.csv')]);
  await submit(staff);
  await staff.locator('[data-chosen] progress').waitFor();
  await staff.locator('[data-chosen] li button').click();
  await staff.locator('[data-chosen] li', { hasText: '取り消しました' }).waitFor();
  await staff.unroute('**/uploads/*/*');
});
await step(staff, 'a connection that is away is waited for', async () => {
  await staff.goto(`${portal}/`);
  let pieces = 0;
  await staff.route('**/uploads/*/*', async (route) => {
    if (route.request().method() === 'PATCH') {
      pieces += 1;
      if (pieces === 3) await context.setOffline(true);
    }
    await route.continue().catch(() => {});
  });
  await staff.setInputFiles('input[type=file]', [{ name: '途切れる.csv', mimeType: 'text/csv', buffer: Buffer.alloc(1_900_000, 'a,b\r\n') }]);
  await submit(staff);
  await staff.locator('[data-chosen] li', { hasText: '接続が戻るのを待っています' }).waitFor();
  await picture(staff, 'away');
  await context.setOffline(false);
  await staff.waitForURL(/\/b\//, { timeout: 60_000 });
  await staff.unroute('**/uploads/*/*');
});

const zip = path.join(out, '名簿.zip');
fs.writeFileSync(path.join(out, '名簿.csv'), '氏名\r\n山田\r\n');
fs.rmSync(zip, { force: true });
execFileSync('7z', ['a', '-tzip', '-phiraku-2026', zip, path.join(out, '名簿.csv')], { stdio: 'ignore' });
let result = '';
await step(staff, 'a locked archive waits for its password', async () => {
  await staff.goto(`${portal}/`);
  await staff.setInputFiles('input[type=file]', [zip, { name: 'setup.exe', mimeType: 'application/octet-stream', buffer: Buffer.from('MZ\x90\x00\x03') }, csv('机.csv')].map(
    (one) => (typeof one === 'string' ? { name: path.basename(one), mimeType: 'application/zip', buffer: fs.readFileSync(one) } : one),
  ));
  await sent(staff, 3);
  result = staff.url();
  expect(await staff.locator('form.unlock').count() === 1, 'one field for one locked file');
  await everywhere(staff, 'locked');
});
await step(staff, 'in english', async () => { await staff.goto(`${result}?lang=en`); });
await step(staff, 'what is pasted can be looked at', async () => {
  await staff.goto(`${result}?lang=ja`);
  await staff.fill('form.unlock input[type=password]', 'hiraku-2025');
  await staff.click('[data-reveal]');
  expect(await staff.locator('form.unlock input[type=text]').inputValue() === 'hiraku-2025', 'it is hidden');
});
await step(staff, 'a wrong password is told and counted', async () => {
  await staff.click('form.unlock button[type=submit]');
  expect((await staff.locator('#unlock-news').innerText()).includes('パスワードが違います。残りの回数: 29'), await text(staff));
  expect((await text(staff)).includes('残り 29回'), 'it is not counted');
});
await step(staff, 'the right one gives the file on the same page', async () => {
  await staff.fill('form.unlock input[type=password]', 'hiraku-2026');
  await staff.click('form.unlock button[type=submit]');
  expect((await staff.locator('#unlock-news').innerText()).includes('開きました'), await text(staff));
  expect(await staff.locator('form.unlock').count() === 0, 'it asks again');
  const row = staff.locator('li.file', { hasText: '名簿.zip' });
  const [download] = await Promise.all([staff.waitForEvent('download'), row.locator('a.primary').click()]);
  const list = execFileSync('7z', ['x', '-so', await download.path()], { encoding: 'utf8' });
  expect(list.includes('山田'), list);
});
await step(staff, 'changing the language leads back to the result', async () => {
  await staff.click('header a[hreflang=en]');
  await staff.waitForURL((url) => url.pathname === new URL(result).pathname);
  await staff.goto(`${result}?lang=ja`);
});
await step(staff, 'another form is chosen', async () => {
  await staff.goto(`${portal}/`);
  await staff.check('input[name=output][value=raster]');
  const pdf = need('FILES').split(':').find((file) => file.endsWith('見積書.pdf'));
  await staff.setInputFiles('input[type=file]', pdf);
  await everywhere(staff, 'choice');
  await sent(staff, 1);
  expect((await text(staff)).includes('出力: ページの画像'), await text(staff));
});
await step(staff, 'and the file made again as it was', async () => {
  await staff.locator('summary', { hasText: '別の形式で作り直す' }).click();
  await staff.selectOption('form.again select', 'same');
  await picture(staff, 'again');
  await staff.click('form.again button');
  await staff.locator('#progress', { hasText: '2件中 2件完了' }).waitFor({ timeout: 60_000 });
  const [first, second] = await staff.locator('li.file').allInnerTexts();
  expect(first.includes('出力: ') && !second.includes('出力: ページの画像'), second);
  expect(await staff.locator('li.file .thumbnail').count() === 2, 'each has its pages');
});
await step(staff, 'choices in english', async () => { await staff.goto(`${staff.url()}?lang=en`); });
const [watched, box] = [await context.newPage(), '[data-session]'];
watched.setDefaultTimeout(15_000);
await watched.clock.install();
await step(watched, 'a session that is about to end says so', async () => {
  await watched.goto(`${portal}/history?lang=ja`);
  expect(await watched.locator(`${box} > *`).count() === 0, 'said too early');
  await watched.clock.fastForward('20:00');
  // What anybody gets, and what is refused, prolongs nothing.
  await watched.evaluate(async () => { for (const path of ['/assets/session.js?v=0', '/nothing', '/sign-out']) await fetch(path); });
  await watched.waitForTimeout(100);
  await watched.clock.fastForward('07:10');
  await watched.locator(`${box} button`).waitFor();
  expect((await watched.locator(box).innerText()).includes('2分後にサインアウトします'), await watched.locator(box).innerText());
  await everywhere(watched, 'session');
});
await step(watched, 'and goes on with one click', async () => {
  const asked = watched.waitForResponse(`${portal}/account`);
  await watched.locator(`${box} button`).focus();
  await watched.keyboard.press('Enter');
  expect((await asked).status() === 200, 'the session is over');
  await watched.locator(`${box} button`).waitFor({ state: 'detached' });
});
await step(watched, 'one that ends in any case says so in english', async () => {
  await watched.goto(`${portal}/history?lang=en`);
  for (let hour = 0; hour < 23; hour += 1) {
    await watched.clock.fastForward('25:45');
    // Somebody is there.
    await watched.evaluate(() => fetch('/history', { method: 'HEAD' }));
    await watched.waitForTimeout(100);
  }
  await watched.clock.fastForward('05:00');
  await watched.locator(`${box} p`).waitFor();
  expect((await watched.locator(box).innerText()).includes('Your sign-in ends in 5 minutes'), await watched.locator(box).innerText());
  await watched.goto(`${portal}/history?lang=ja`);
});
await step(watched, 'one that is over leads to signing in and leaves the page as it is', async () => {
  await watched.goto(`${portal}/history`);
  await watched.clock.fastForward('30:30');
  const way = watched.locator(`${box} a`);
  await way.waitFor();
  expect((await watched.locator(box).innerText()).includes('サインアウトしました'), await watched.locator(box).innerText());
  expect(await way.getAttribute('href') === '/sign-in' && new URL(watched.url()).pathname === '/history', watched.url());
});
await watched.close();
await step(staff, 'files are sent with what they are about', async () => {
  await staff.goto(`${portal}/?lang=ja`);
  await staff.fill('#subject', '入札の件');
  await staff.setInputFiles('input[type=file]', [csv('内訳.csv')]);
  await sent(staff, 1);
  expect((await text(staff)).includes('入札の件'), await text(staff));
});
await step(staff, 'history', async () => {
  await staff.goto(`${portal}/history?lang=ja`);
  await everywhere(staff, 'history');
});
await step(staff, 'history is searched, also without scripts', async () => {
  const plain = await person({ javaScriptEnabled: false, storageState: await context.storageState() });
  for (const page of [staff, plain]) {
    await page.goto(`${portal}/history?lang=ja`);
    await page.fill('#q', '入札');
    await page.locator('form.filter button').click();
    const names = await page.locator('table').first().locator('tbody tr td:nth-child(2) a').allInnerTexts();
    expect(names.join() === '内訳.csv', names.join());
  }
  await plain.context().close();
  await everywhere(staff, 'history-search');
});
await step(staff, 'and nothing is found', async () => {
  await staff.goto(`${portal}/history?q=${encodeURIComponent('どこにもない')}&since=2026-01-01`);
  expect((await text(staff)).includes('該当するものはありません'), await text(staff));
});
await step(staff, 'help', async () => {
  await staff.locator('nav.nav a', { hasText: 'ヘルプ' }).click();
  await staff.waitForURL(`${portal}/help`);
  expect(await staff.locator('nav.nav a[aria-current]').innerText() === 'ヘルプ', 'the navigation does not say where one is');
  for (const link of await staff.locator('.contents a').all()) {
    expect(await staff.locator(await link.getAttribute('href')).count() === 1, `${await link.innerText()} leads nowhere`);
  }
  expect((await text(staff)).includes('1.9 MB') && (await text(staff)).includes('パスワード付きのファイル'), await text(staff));
  await everywhere(staff, 'help');
});
await step(staff, 'help in english', async () => {
  await staff.goto(`${portal}/help?lang=en`);
  await everywhere(staff, 'help-english');
  await staff.goto(`${portal}/help?lang=ja`);
});
await step(staff, 'the list of requests', async () => {
  await staff.goto(`${portal}/requests`);
  await everywhere(staff, 'requests');
});
for (const [name, address, status] of [
  ['a result that is no more', `/b/${'0'.repeat(32)}`, 404],
  ['a page that is not there', '/nothing', 404],
  ['a page of others', '/approvals', 403],
  ['a link of a notice to nothing', '/p/20261121-00000', 404],
]) {
  await step(staff, name, async () => {
    const answer = await staff.goto(`${portal}${address}`);
    expect(answer.status() === status, `status ${answer.status()}`);
  });
  await step(staff, `${name}, in english`, async () => { await staff.goto(`${portal}${address}?lang=en`); });
  await staff.goto(`${portal}/?lang=ja`);
}
await step(staff, 'a page that was left open too long', async () => {
  await staff.goto(result);
  const answer = await staff.request.post(`${result}/files/1/password`, {
    form: { form_token: '0'.repeat(64), receipt: 'x', password: 'x' }, maxRedirects: 0, headers: { 'Sec-Fetch-Site': 'same-origin' },
  });
  expect(answer.status() === 403, `status ${answer.status()}`);
  await staff.setContent((await answer.text()).replaceAll('href="/assets', `href="${portal}/assets`));
});
await step(staff, 'a session that ended while files were chosen says so, with the way to sign in', async () => {
  await staff.goto(`${portal}/`);
  await staff.setInputFiles('input[type=file]', [csv('遅い.csv')]);
  await context.clearCookies();
  await submit(staff);
  const way = staff.locator('main .notice.warn', { hasText: '選んだファイルはこの画面に残っています' }).locator('a[href="/sign-in"]');
  await way.waitFor();
  expect(await way.getAttribute('target') === '_blank' && (await text(staff)).includes('遅い.csv'), await text(staff));
  await everywhere(staff, 'signed-out');
});
await step(first, 'too many wrong passwords', async () => {
  const guess = await person();
  for (let count = 0; count < 6; count += 1) {
    await guess.goto(`${portal}/sign-in`);
    await fill(guess, { name: 'nobody', password: `wrong ${count}` });
    await submit(guess);
  }
  expect((await text(guess)).includes('しばらくサインインできません'), await text(guess));
  await picture(guess, 'locked-out');
  await guess.context().close();
});
await step(first, 'no script error', async () => { expect(trouble.length === 0, trouble.join('; ')); });
await end();
