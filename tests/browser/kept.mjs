// Walks through what staff see seldom: pages that are being done, an upload while all places are taken, a password that is not tried again, a
// result whose time is over. `./run` starts the gateway, sets what flow.mjs describes, and DATA, the directory of its store.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { begin, end, enrol, expect, need, person, picture, portal, register, send, settle, step, submit, text, trouble, until } from './walk.mjs';

const out = await begin('kept');
const [first, staff] = [await person(), await person()];
const PAGES = 150;
/** A document of so many pages (ISO 32000-1, 7.7.3). */
const document = () => {
  const numbers = [...Array(PAGES).keys()];
  const objects = ['<</Type/Catalog/Pages 2 0 R>>', `<</Type/Pages/Kids[${numbers.map((page) => `${3 + 2 * page} 0 R`).join(' ')}]/Count ${PAGES}>>`];
  for (const page of numbers) {
    const content = `0.2 0.4 0.${page % 10} rg 72 100 400 500 re f`;
    objects.push(`<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>/Contents ${4 + 2 * page} 0 R>>`);
    objects.push(`<</Length ${content.length}>>stream\n${content}\nendstream`);
  }
  let all = '%PDF-1.7\n';
  const offsets = objects.map((object, index) => {
    const offset = all.length;
    all += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const table = all.length;
  all += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')}`;
  return Buffer.from(`${all}trailer<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${table}\n%%EOF\n`, 'latin1');
};
const csv = (name) => ({ name, mimeType: 'text/csv', buffer: Buffer.from('品名,数量\r\n机,2\r\n') });
/** A statement on the store, as time or the janitor would have it. */
const store = (statement) => execFileSync('python3', ['-c', `
import sqlite3, sys
store = sqlite3.connect(sys.argv[1], timeout=30)
with store:
    assert store.execute(sys.argv[2]).rowcount > 0
`, path.join(need('DATA'), 'misogi.sqlite'), statement]);
/** A page on a phone. */
const phone = async (page, name) => {
  const size = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  await picture(page, `${name}-phone`);
  await page.setViewportSize(size);
};

let temporary = '';
await step(first, 'an administrator registers a member of staff', async () => {
  await enrol(first);
  temporary = await register(first, { name: 'shokuin-d', address: 'd@city.example.lg.jp' });
});
await step(staff, 'staff sign in', () => settle(staff, portal, { name: 'shokuin-d', temporary }));
await step(staff, 'pages are counted while they are done', async () => {
  await staff.goto(`${portal}/`);
  await staff.check('input[name=output][value=raster]');
  await staff.setInputFiles('input[type=file]', { name: '図面集.pdf', mimeType: 'application/pdf', buffer: document() });
  await submit(staff);
  await staff.waitForURL(/\/b\/[0-9a-f]{32}$/);
  const count = staff.locator('.how-far [data-count]');
  await count.waitFor({ timeout: 60_000 });
  const seen = new Set();
  await until('the pages do not go by', async () => { seen.add(await count.innerText()); return seen.size > 2; });
  const told = [...seen];
  console.log(`     ${told.join(', ')}`);
  expect(told.every((one) => one.endsWith(`/${PAGES}`)), told.join());
  const numbers = told.map((one) => Number(one.split('/')[0]));
  expect(numbers.every((one, index) => index === 0 || one > numbers[index - 1]), told.join());
  expect((await text(staff)).includes('作り直しています'), await text(staff));
});
await step(staff, 'on a phone and without scripts', async () => {
  await phone(staff, 'pages');
  const plain = await person({ javaScriptEnabled: false, storageState: await staff.context().storageState() });
  await plain.goto(staff.url());
  expect(/ページ \d+\/150/.test((await text(plain)).replaceAll(/\s+/g, ' ')), await text(plain));
  await picture(plain, 'pages-without-scripts');
  await plain.context().close();
});
await step(staff, 'and the result takes their place', async () => {
  await staff.locator('#progress', { hasText: '1件中 1件完了' }).waitFor({ timeout: 120_000 });
  expect(await staff.locator('.how-far').count() === 0, 'pages are counted still');
});
const result = staff.url();

await step(staff, 'an upload waits while all places of a person are taken', async () => {
  await staff.goto(`${portal}/`);
  // What is announced and not sent holds its place.
  const taken = await staff.evaluate(async () => {
    const headers = { 'Content-Type': 'application/json', 'X-Form-Token': document.querySelector('[name=form_token]').value };
    const body = JSON.stringify({ files: [{ name: 'a', size: 9 }], output: '' });
    const answers = [];
    for (;;) {
      const answer = await fetch('/uploads', { method: 'POST', headers, body });
      if (answer.status === 429) return { answers, later: answer.headers.get('Retry-After') };
      answers.push((await answer.json()).files[0].href);
    }
  });
  expect(taken.answers.length === 8 && Number(taken.later) > 0, JSON.stringify(taken));
  await staff.setInputFiles('input[type=file]', [csv('待つ.csv')]);
  await submit(staff);
  await staff.locator('[data-said]', { hasText: '混み合っています' }).waitFor();
  const since = Date.now();
  await phone(staff, 'busy');
  await staff.evaluate(async (all) => { for (const one of all) await fetch(one, { method: 'DELETE' }); }, taken.answers);
  await staff.waitForURL(/\/b\/[0-9a-f]{32}$/, { timeout: 90_000 });
  expect(Date.now() - since > Number(taken.later) * 900, 'it came back before it was asked to');
});
await step(staff, 'a mail with a locked archive', async () => {
  const [zip, list] = ['名簿.zip', '名簿.csv'].map((name) => path.join(out, name));
  fs.writeFileSync(list, '氏名\r\n山田\r\n');
  fs.rmSync(zip, { force: true });
  execFileSync('7z', ['a', '-tzip', '-phiraku-2026', zip, list], { stdio: 'ignore' });
  await send('d@city.example.lg.jp', [
    'From: sender@example.jp', 'To: d@city.example.lg.jp', 'Subject: =?utf-8?B?5ZCN57C/44Gu5Lu2?=', 'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=b', '', '--b', 'Content-Type: text/plain', '', 'see attachment', '--b',
    'Content-Type: application/zip; name=meibo.zip', 'Content-Disposition: attachment; filename=meibo.zip', 'Content-Transfer-Encoding: base64', '',
    fs.readFileSync(zip).toString('base64').replaceAll(/.{76}/g, '$&\n'), '--b--', '',
  ].join('\n'));
  const row = staff.locator('tbody tr', { hasText: '名簿の件' });
  await until('the mail is not converted', async () => {
    await staff.goto(`${portal}/history`);
    return await row.locator('.status.warn').count() > 0;
  });
  await row.locator('a').click();
  expect((await text(staff)).includes('残り 30回'), await text(staff));
});
await step(staff, 'a wrong password is told once and counted once', async () => {
  await staff.fill('input[type=password]', 'hiraku-2025');
  await submit(staff);
  await staff.locator('#unlock-news').waitFor();
  expect((await text(staff)).includes('残りの回数: 29') && (await text(staff)).includes('残り 29回'), await text(staff));
  await phone(staff, 'wrong-password');
});
await step(staff, 'loading the page again tries nothing', async () => {
  await staff.reload();
  expect(await staff.locator('#unlock-news').count() === 0, 'it is told again');
  expect((await text(staff)).includes('残り 29回'), await text(staff));
});
await step(staff, 'the right one opens it', async () => {
  await staff.fill('input[type=password]', 'hiraku-2026');
  await submit(staff);
  await staff.locator('#unlock-news.ok').waitFor();
  await staff.reload();
  expect(await staff.locator('input[type=password]').count() === 0, 'it asks again');
});

const token = result.split('/').at(-1);
await step(staff, 'a file whose time is over', async () => {
  store(`UPDATE part SET result = NULL WHERE message IN (SELECT m.id FROM message m JOIN batch b ON b.id = m.batch WHERE b.token = '${token}')`);
  await staff.goto(result);
  expect((await text(staff)).includes('保存期間が過ぎたため、ダウンロードできません') && await staff.locator('a[download]').count() === 0, await text(staff));
  const answer = await staff.request.get(`${result}/files/1`);
  expect(answer.status() === 410, `status ${answer.status()}`);
  await phone(staff, 'file-over');
});
await step(staff, 'in english', async () => { await staff.goto(`${result}?lang=en`); });
await step(staff, 'a result whose time is over', async () => {
  store(`UPDATE batch SET expires = 1 WHERE token = '${token}'`);
  const answer = await staff.goto(`${result}?lang=ja`);
  expect(answer.status() === 404 && (await text(staff)).includes('保存期間が過ぎています'), await text(staff));
  await phone(staff, 'result-over');
});
await step(staff, 'which is no more in the history', async () => {
  await staff.goto(`${portal}/history`);
  expect(await staff.locator(`a[href="/b/${token}"]`).count() === 0, 'it leads nowhere');
});
await step(first, 'no script error', async () => { expect(trouble.length === 0, trouble.join('; ')); });
await end();
