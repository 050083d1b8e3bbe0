/**
 * The AWS event stream (smithy.io, "Amazon Event Stream"):
 *
 * ```text
 * u32 total length | u32 length of headers | u32 CRC of these two
 * headers | payload | u32 CRC of everything before
 * header: u8 length, name, u8 7 (text), u16 length, value
 * ```
 */
import { crc32 } from "node:zlib";

/** Returns one event with a JSON payload. */
export function eventFrame(type, data) {
  const headers = Buffer.concat([
    header(":event-type", type),
    header(":content-type", "application/json"),
    header(":message-type", "event"),
  ]);
  const payload = Buffer.from(JSON.stringify(data));
  const frame = Buffer.alloc(16 + headers.length + payload.length);
  frame.writeUInt32BE(frame.length, 0);
  frame.writeUInt32BE(headers.length, 4);
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8);
  headers.copy(frame, 12);
  payload.copy(frame, 12 + headers.length);
  frame.writeUInt32BE(crc32(frame.subarray(0, -4)), frame.length - 4);
  return frame;
}

function header(name, value) {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([Buffer.of(name.length), Buffer.from(name), Buffer.of(7), length, bytes]);
}
