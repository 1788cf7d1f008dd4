// Reads a WARC file with warcio and prints one line of JSON for each record:
// what warcio finds and the digests of the bytes it hands out. warcio checks no
// digests by itself, so they are computed here.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { WARCParser } from "warcio";

const digest = (bytes) =>
  "sha256:" + createHash("sha256").update(bytes).digest("hex");

async function read(file, parseHttp, describe) {
  const parser = new WARCParser(createReadStream(file), { parseHttp });
  const lines = [];
  for await (const record of parser) {
    const line = await describe(record);
    await record.skipFully();
    lines.push({ ...line, offset: parser.offset, length: parser.recordLength });
  }
  return lines;
}

const file = process.argv[2];
const blocks = await read(file, false, async (record) => ({
  version: record.warcHeaders.statusline,
  fields: Object.fromEntries([...record.warcHeaders.headers]),
  block: digest(await record.readFully(false)),
}));
const payloads = await read(file, true, async (record) => ({
  status: record.httpHeaders ? Number(record.httpHeaders.statusCode) || 0 : 0,
  payload: digest(await record.readFully(false)),
}));
const contents = await read(file, true, async (record) => ({
  content: digest(await record.readFully(true)),
}));
for (let i = 0; i < blocks.length; i++) {
  console.log(JSON.stringify({ ...blocks[i], ...payloads[i], ...contents[i] }));
}
