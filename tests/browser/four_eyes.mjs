// Walks through a request for an original: staff ask, two administrators decide, one of them takes it out; and an item of the quarantine
// is converted again and sent. A member of staff tries what only administrators may. `./run` starts the gateway and sets what flow.mjs
// describes, with originals that may be handed over on the console and HTML files that are withheld.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { admin, begin, end, enrol, expect, fill, need, person, portal, register, settle, step, submit, text, trouble } from './walk.mjs';

const out = await begin('four-eyes');
const pdf = need('FILES').split(':').find((file) => file.endsWith('見積書.pdf'));
const [first, second, staff, manager] = [await person(), await person(), await person(), await person()];
const people = { kanri02: 'tenant_admin', 'shokuin-b': 'staff', 'kacho-b': 'approver' };
const temporary = {};

await step(first, 'the first administrator enrols', () => enrol(first));
await step(first, 'and registers the others', async () => {
  for (const [name, role] of Object.entries(people)) temporary[name] = await register(first, { name, role });
});
await step(second, 'the second administrator', () => settle(second, admin, { name: 'kanri02', temporary: temporary.kanri02 }));
await step(manager, 'the approver', () => settle(manager, portal, { name: 'kacho-b', temporary: temporary['kacho-b'] }));
await step(staff, 'staff', () => settle(staff, portal, { name: 'shokuin-b', temporary: temporary['shokuin-b'] }));

const original = Buffer.concat([Buffer.from('MZ\x90\x00'), Buffer.alloc(300_000, 'hostile ')]);
const page1 = '<!doctype html><title>x</title><p>回覧: 11月の予定</p><script>alert(1)</script>';
let result = '';
await step(staff, 'a program and a web page are withheld', async () => {
  await staff.setInputFiles('input[type=file]', [
    { name: '集計ツール.exe', mimeType: 'application/octet-stream', buffer: original },
    { name: '回覧.html', mimeType: 'text/html', buffer: Buffer.from(page1) },
    { name: '見積書.pdf', mimeType: 'application/pdf', buffer: fs.readFileSync(pdf) },
  ]);
  await submit(staff);
  await staff.waitForURL(/\/b\//);
  await staff.locator('#progress', { hasText: '3件中 3件完了' }).waitFor({ timeout: 60_000 });
  result = staff.url();
  expect((await text(staff)).split('管理者が保管').length === 3, 'two are withheld');
});
await step(staff, 'the form of a request', async () => {
  await staff.locator('li.file', { hasText: '集計ツール.exe' }).locator('a[href^="/requests/new"]').click();
  expect((await text(staff)).includes('集計ツール.exe'), 'the file is not named');
});
await step(staff, 'the form of a request in english', async () => { await staff.goto(`${staff.url()}&lang=en`); });
await step(staff, 'it is asked for', async () => {
  await staff.goto(staff.url().replace('lang=en', 'lang=ja'));
  await staff.fill('#words', '月次の集計に使うツールのため');
  await submit(staff);
  await staff.waitForURL(`${portal}/requests/1`);
  expect((await text(staff)).includes('申請中'), await text(staff));
});
await step(staff, 'own requests', async () => {
  await staff.goto(`${portal}/requests`);
  expect((await text(staff)).includes('R-1'), 'it is not listed');
});
await step(staff, 'staff may not decide', async () => {
  const answer = await staff.goto(`${portal}/approvals/1`);
  expect(answer.status() === 403, `status ${answer.status()}`);
  // With the token of a form that staff do have.
  await staff.goto(`${portal}/requests`);
  const token = await staff.locator('input[name=form_token]').first().getAttribute('value');
  for (const [to, status] of [['/approvals/1', 403], ['/approvals/1/original', 404], ['/approvals/1/original/file', 404], ['/quarantine/act', 404]]) {
    const sent = await staff.request.post(`${portal}${to}`, {
      form: { form_token: token, decision: 'approve', comment: 'x' }, maxRedirects: 0, headers: { 'Sec-Fetch-Site': 'same-origin' },
    });
    expect(sent.status() === status, `${to}: ${sent.status()}`);
  }
});
await step(staff, 'nor enter the console', async () => {
  await staff.goto(`${admin}/approvals`);
  expect(new URL(staff.url()).pathname === '/sign-in', staff.url());
  await fill(staff, { name: 'shokuin-b', password: 'a long password of shokuin-b' });
  await submit(staff);
  const answer = await staff.goto(`${admin}/approvals/1`);
  expect(new URL(staff.url()).pathname === '/sign-in' || answer.status() === 403, `${staff.url()} ${answer.status()}`);
});
await step(manager, 'the approver sees what waits', async () => {
  await manager.goto(`${portal}/approvals`);
  expect((await text(manager)).includes('R-1'), 'it is not listed');
  await manager.click('tbody a');
});
await step(manager, 'in english', async () => { await manager.goto(`${portal}/approvals/1?lang=en`); });
await step(first, 'the first administrator approves', async () => {
  await first.goto(`${admin}/approvals`);
  await first.click('tbody a');
  await first.fill('#comment', '送信元と用途を確認した');
  await first.click('button[value=approve]');
  expect((await text(first)).includes('承認の途中'), await text(first));
});
await step(first, 'and cannot approve twice', async () => {
  expect(await first.locator('button[value=approve]').count() === 0, 'there is still a button');
  expect((await text(first)).includes('すでに承認しています'), await text(first));
  expect(await first.locator('form[action$="/original"]').count() === 0, 'one is not two');
});
await step(second, 'the second administrator approves', async () => {
  await second.goto(`${admin}/approvals/1`);
  await second.fill('#comment', '内容を確認した');
  await second.click('button[value=approve]');
  expect((await text(second)).includes('承認済み'), await text(second));
});
await step(second, 'and takes the original out', async () => {
  await second.click('form[action$="/original"] button');
  await second.locator('#password').waitFor();
});
await step(second, 'as an encrypted archive', async () => {
  const password = await second.locator('#password').innerText();
  const [download] = await Promise.all([second.waitForEvent('download'), second.click('form[action$="/file"] button')]);
  const zip = path.join(out, 'R-1.zip');
  await download.saveAs(zip);
  const given = execFileSync('7z', ['x', '-so', `-p${password}`, zip], { maxBuffer: 1 << 20 });
  expect(given.equals(original), 'it is not what came');
  let wrong = 0;
  try { execFileSync('7z', ['x', '-so', '-pwrong', zip], { stdio: 'pipe' }); } catch { wrong = 1; }
  expect(wrong === 1, 'a wrong password opens it');
  fs.rmSync(zip);
});
await step(second, 'once', async () => {
  await second.goto(`${admin}/approvals/1`);
  expect((await text(second)).includes('取り出し済み'), await text(second));
  expect(await second.locator('form[action$="/original"]').count() === 0, 'there is still a button');
});
await step(staff, 'staff see what became of it', async () => {
  await staff.goto(`${portal}/requests/1`);
  for (const word of ['取り出し済み', 'kanri01', '送信元と用途を確認した', 'kanri02']) expect((await text(staff)).includes(word), word);
});
await step(staff, 'what became of it in english', async () => { await staff.goto(`${portal}/requests/1?lang=en`); });
await step(first, 'approvals in english', async () => { await first.goto(`${admin}/approvals?state=all&lang=en`); });
await step(first, 'the quarantine', async () => {
  await first.goto(`${admin}/quarantine?lang=ja`);
  expect(await first.locator('input[name=item]').count() === 2, 'two items');
});
await step(first, 'keys of the list', async () => {
  await first.locator('[data-keys]').focus();
  await first.keyboard.press('j');
  await first.keyboard.press('x');
  await first.keyboard.press('j');
  await first.keyboard.press('x');
  expect(await first.locator('[data-count]').innerText() === '2', 'two are ticked');
  await first.keyboard.press('k');
  await first.keyboard.press('x');
  expect(await first.locator('input[name=item]:checked').count() === 1, 'one is unticked');
});
await step(first, 'many are held back', async () => {
  await first.locator('[data-all]').check();
  await first.fill('#why', '調査中');
  await first.click('button[value=hold]');
  expect((await text(first)).includes('2件を処理しました'), await text(first));
});
await step(first, 'a filter is kept', async () => {
  await first.goto(`${admin}/quarantine?only=held`);
  await first.locator('.kept summary').click();
  await first.fill('#filter-name', '保留したもの');
  await first.locator('.kept details button').click();
  await first.locator('.kept ul a', { hasText: '保留したもの' }).waitFor();
  const [file] = await Promise.all([first.waitForEvent('download'), first.click('.kept a[href$="format=csv"]')]);
  expect(fs.readFileSync(await file.path(), 'utf8').includes('集計ツール.exe'), 'the list is not in the file');
});
await step(first, 'the quarantine in english', async () => { await first.goto(`${admin}/quarantine?lang=en`); });
await step(first, 'an item', async () => {
  await first.goto(`${admin}/quarantine?lang=ja&q=${encodeURIComponent('回覧')}`);
  await first.click('tbody a');
});
await step(first, 'is converted again', async () => {
  const item = first.url();
  await first.fill('#why', '文字だけで足りる');
  await first.selectOption('#policy', 'text');
  await first.click('button[value=retry]');
  const deadline = Date.now() + 60_000;
  do {
    expect(Date.now() < deadline, await text(first));
    await first.waitForTimeout(500);
    await first.goto(item);
  } while ((await text(first)).includes('再処理待ち'));
  expect((await text(first)).includes('作り直せました'), await text(first));
});
await step(first, 'an item in english', async () => { await first.goto(`${first.url()}?lang=en`); });
await step(first, 'and sent', async () => {
  await first.goto(first.url().replace('lang=en', 'lang=ja'));
  await first.fill('#why', '確認した');
  await first.click('button[value=release]');
  expect((await text(first)).includes('1件を処理しました'), await text(first));
});
await step(staff, 'so that staff have it', async () => {
  await staff.goto(result);
  const row = staff.locator('li.file', { hasText: '回覧.html' });
  const [download] = await Promise.all([staff.waitForEvent('download'), row.locator('a.primary').click()]);
  const given = fs.readFileSync(await download.path(), 'utf8');
  expect(given.includes('11月の予定') && !given.includes('script'), given);
});
await step(first, 'original and result side by side', async () => {
  await first.goto(`${admin}/messages`);
  await first.locator('tbody tr', { hasText: '見積書.pdf' }).first().locator('a').first().click();
  await first.locator('a[href*="/pages/1"]').first().click();
  await first.locator('.compare.both img').nth(1).waitFor();
});
await step(first, 'which scroll together', async () => {
  await first.check('#real');
  await first.locator('.pane').first().evaluate((pane) => { pane.scrollTop = pane.scrollHeight; pane.scrollLeft = pane.scrollWidth; });
  await first.waitForTimeout(300);
  const [one, other] = await first.locator('.pane').evaluateAll((panes) => panes.map((pane) => [pane.scrollTop, pane.scrollLeft]));
  expect(one[0] > 0 && Math.abs(one[0] - other[0]) <= 2 && Math.abs(one[1] - other[1]) <= 2, `${one} ${other}`);
});
await step(first, 'with the difference laid over', async () => {
  await first.uncheck('#real');
  await first.check('#difference');
  const [one, other] = await first.locator('.compare img').evaluateAll((all) => all.map((img) => img.getBoundingClientRect().x));
  expect(Math.abs(one - other) < 1, `${one} ${other}`);
});
await step(first, 'difference in english', async () => { await first.goto(`${first.url()}?lang=en`); });
await step(first, 'no script error', async () => { expect(trouble.length === 0, trouble.join('; ')); });
await end();
