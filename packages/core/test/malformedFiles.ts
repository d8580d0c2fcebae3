/** Safetensors files with one fault each, and what the error says. */

/** A file of a header (text or bytes) and `dataBytes` zeros; `length` overrides what the first 8 bytes claim. */
export function fileOf(header: string | Uint8Array, dataBytes = 0, length?: bigint): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const file = new Uint8Array(8 + text.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  file.set(text, 8);
  return file;
}

const tensor = (offsets: string, shape = '[1]', dtype = 'F32') =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;

const good = tensor('[0,4]');

export const malformedFiles: Record<string, [Uint8Array, RegExp]> = {
  'no bytes': [new Uint8Array(0), /file must have at least 8 bytes, got 0/],
  'seven bytes': [new Uint8Array(7), /file must have at least 8 bytes, got 7/],
  'header cut off': [fileOf(`{"a":${good}}`, 4).subarray(0, 30), /header must end within the file/],
  'header beyond the file': [fileOf('{}', 0, 3n), /header must end within the file, got 3 bytes/],
  'header of 2 GB': [
    fileOf('{}', 0, 2n ** 31n),
    /header length must be at most 100000000 bytes, got 2147483648/,
  ],
  'header of 2^64 - 1': [fileOf('{}', 0, 2n ** 64n - 1n), /header length must be at most/],
  'empty header': [fileOf(''), /header must begin with '\{'/],
  'leading space': [fileOf(' {}'), /header must begin with '\{', got ' '/],
  'an array': [fileOf('[]'), /header must begin with '\{', got '\['/],
  'not JSON': [fileOf('{"a":'), /header must be JSON, got /],
  'text after JSON': [fileOf('{} {}'), /header must be JSON, got /],
  'byte order mark': [fileOf('\ufeff{}'), /header must begin with '\{'/],
  'not UTF-8': [fileOf(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)), /header must be UTF-8/],
  'a name twice': [fileOf(`{"a":${good},"a":${good}}`, 4), /header must name each key once, got 'a' twice/],
  'a name twice by escape': [fileOf(`{"a":${good},"\\u0061" :${good}}`, 4), /got 'a' twice/],
  '__proto__ twice': [fileOf(`{"__proto__":${good},"__proto__":${good}}`, 4), /got '__proto__' twice/],
  'dtype twice': [fileOf(`{"a":{"dtype":"F32",${good.slice(1)}}`, 4), /got 'dtype' twice/],
  'metadata twice': [fileOf('{"__metadata__":{},"__metadata__":{}}'), /got '__metadata__' twice/],
  'metadata of numbers': [
    fileOf('{"__metadata__":{"a":1}}'),
    /__metadata__ 'a' must be a string, got number/,
  ],
  'metadata of text': [fileOf('{"__metadata__":"a"}'), /__metadata__ must be an object of strings/],
  'tensor null': [fileOf('{"a":null}'), /tensor 'a' must be an object, got null/],
  'tensor a number': [fileOf('{"a":1}'), /tensor 'a' must be an object, got number/],
  'no fields': [fileOf('{"a":{}}'), /dtype of tensor 'a' must be one of .*, got undefined/],
  'unknown dtype': [fileOf(`{"a":${tensor('[0,4]', '[1]', 'F33')}}`, 4), /must be one of BOOL.* got 'F33'/],
  'dtype of a prototype': [fileOf(`{"a":${tensor('[0,4]', '[1]', 'toString')}}`, 4), /got 'toString'/],
  'no shape': [fileOf('{"a":{"dtype":"F32","data_offsets":[0,4]}}', 4), /shape of tensor 'a' must be/],
  'shape of text': [fileOf(`{"a":${tensor('[0,4]', '["1"]')}}`, 4), /shape of tensor 'a' must be/],
  'negative size': [
    fileOf(`{"a":${tensor('[0,4]', '[-1]')}}`, 4),
    /header must have whole numbers .* got -1/,
  ],
  'negative zero': [fileOf(`{"a":${tensor('[0,0]', '[-0]')}}`), /header must have whole numbers .* got -0/],
  'fractional size': [fileOf(`{"a":${tensor('[0,4]', '[1.5]')}}`, 4), /whole numbers .* got 1\.5/],
  'size 1e0': [fileOf(`{"a":${tensor('[0,4]', '[1e0]')}}`, 4), /whole numbers .* got 1e0/],
  'size beyond 2^53': [fileOf(`{"a":${tensor('[0,4]', '[9007199254740993]')}}`, 4), /whole numbers/],
  'product beyond 2^53': [
    fileOf(`{"a":${tensor('[0,4]', '[4294967296,4294967296]')}}`, 4),
    /span the Infinity bytes/,
  ],
  'one offset': [fileOf(`{"a":${tensor('[0]')}}`, 4), /data_offsets of tensor 'a' must be two/],
  'offsets reversed': [
    fileOf(`{"a":${tensor('[4,0]')}}`, 4),
    /data_offsets of tensor 'a' must span the 4 bytes/,
  ],
  'too few bytes': [
    fileOf(`{"a":${tensor('[0,3]')}}`, 3),
    /must span the 4 bytes of F32 \[1\], got \[0, 3\]/,
  ],
  'half a byte': [fileOf(`{"a":${tensor('[0,1]', '[1]', 'F4')}}`, 1), /must span the 0\.5 bytes of F4/],
  'offsets beyond the file': [
    fileOf(`{"a":${good}}`, 3),
    /must cover the file's data exactly, got 4 bytes of tensors and 3/,
  ],
  'bytes left over': [
    fileOf(`{"a":${good}}`, 5),
    /must cover the file's data exactly, got 4 bytes of tensors and 5/,
  ],
  'data without tensors': [fileOf('{}', 1), /must cover the file's data exactly/],
  'a gap': [fileOf(`{"a":${good},"b":${tensor('[8,12]')}}`, 12), /'b' must begin at 4, got 8, a gap/],
  'a gap at the start': [fileOf(`{"a":${tensor('[4,8]')}}`, 8), /'a' must begin at 0, got 4, a gap/],
  'an overlap': [
    fileOf(`{"a":${tensor('[0,8]', '[2]')},"b":${tensor('[4,8]')}}`, 8),
    /'b' must begin at 8, got 4, an overlap/,
  ],
  'the same bytes twice': [fileOf(`{"a":${good},"b":${good}}`, 4), /must begin at 4, got 0, an overlap/],
};
