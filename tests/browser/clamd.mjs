// A scanner for the browser test: speaks as much of clamd's protocol as the gateway uses, and finds a virus in whatever holds the
// words of WORDS. Prints its port and runs until it is ended.
import net from 'node:net';

const words = Buffer.from(process.env.WORDS ?? 'MISOGI-TEST-VIRUS');
const server = net.createServer((socket) => {
  let said = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    said = Buffer.concat([said, chunk]);
    const end = said.indexOf(0);
    if (end < 0) return;
    const command = said.subarray(0, end).toString('latin1');
    if (command !== 'zINSTREAM') {
      socket.end(command === 'zPING' ? 'PONG\0' : 'ClamAV 1.0.0/27000/Sat Nov 21 00:00:00 2026\0');
      return;
    }
    // clamd(8): each chunk behind its length in four bytes, and a length of zero at the end.
    const pieces = [];
    for (let at = end + 1; at + 4 <= said.length;) {
      const length = said.readUInt32BE(at);
      if (length === 0) {
        socket.end(Buffer.concat(pieces).includes(words) ? 'stream: Test.Virus FOUND\0' : 'stream: OK\0');
        return;
      }
      pieces.push(said.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
