/** Watches boards with the client, as it is told on stdin; tells on stdout whatever has changed. */

import { createInterface } from "node:readline";

const [, , module] = process.argv;
const client = await import(module);
let line = null;
let connection = null;

function tell() {
  const { epoch, offset, status, total, entries, me } = line.board;
  const rows = entries.map((row) => [row.rank, row.user_id, row.score]);
  console.log(JSON.stringify({ connection, epoch, offset, status, total, rows, me }));
}

const orders = {
  watch(options) {
    line = client.watchBoard({
      ...options,
      onBoard: tell,
      onMe: tell,
      onStatus: (status) => {
        connection = status;
        tell();
      },
    });
  },
  leave: () => line.close(),
};

for await (const text of createInterface({ input: process.stdin })) {
  const { order, ...options } = JSON.parse(text);
  orders[order](options);
}
