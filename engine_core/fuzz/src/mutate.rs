//! A seeded mutator without coverage: what `make test` has where libFuzzer is not at hand.

use whampoa_core::seeded::Random;

/// Changes an input in its own grammar.
pub type Mutate = fn(&mut Vec<u8>, &mut Random);

/// Longest input that is made.
pub const BYTES_MAX: usize = 64 << 10;
/// Numbers that break what does not expect them.
const NUMBERS: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 53,
    i64::MAX as u64,
    u64::MAX,
];

/// One to four random changes; `other` is an input to cross with, `words` are put in as they are.
pub fn mutate(input: &mut Vec<u8>, other: &[u8], words: &[Vec<u8>], random: &mut Random) {
    for _ in 0..=random.below(4) {
        change(input, other, words, random);
    }
    input.truncate(BYTES_MAX);
}

fn change(input: &mut Vec<u8>, other: &[u8], words: &[Vec<u8>], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let until = at + random.below((input.len() - at).min(64) + 1);
    match random.below(9) {
        0 if at < input.len() => input[at] ^= 1 << random.below(8),
        1 if at < input.len() => input[at] = random.next() as u8,
        2 => input.truncate(at),
        3 => drop(input.drain(at..until)),
        4 => {
            let part = input[at..until].to_vec();
            splice(input, at, &part);
        }
        5 => number(input, at, random),
        6 => {
            let from = random.below(other.len() + 1);
            let to = from + random.below(other.len() - from + 1);
            splice(input, at, &other[from..to]);
        }
        7 => {
            let count = random.below(9);
            let mut noise = vec![0; count];
            random.fill(&mut noise);
            splice(input, at, &noise);
        }
        _ => {
            let Some(word) = random.pick(words) else {
                return;
            };
            if random.one_in(2) {
                input.drain(at..until);
            }
            splice(input, at, word);
        }
    }
}

fn splice(input: &mut Vec<u8>, at: usize, part: &[u8]) {
    input.splice(at..at, part.iter().copied());
}

/// Overwrites a number of some width and byte order.
fn number(input: &mut [u8], at: usize, random: &mut Random) {
    let value = NUMBERS[random.below(NUMBERS.len())].wrapping_add(random.below(3) as u64);
    let width = 1 << random.below(4);
    let bytes = match random.one_in(2) {
        true => value.to_be_bytes()[8 - width..].to_vec(),
        false => value.to_le_bytes()[..width].to_vec(),
    };
    input
        .iter_mut()
        .skip(at)
        .zip(bytes)
        .for_each(|(byte, new)| *byte = new);
}

/// The words of a dictionary in libFuzzer's format: `"…"` a line, `\xNN` escapes, `#` comments.
pub fn words(dictionary: &str) -> Vec<Vec<u8>> {
    dictionary
        .lines()
        .filter_map(|line| {
            let quoted = line.trim().strip_prefix('"')?.strip_suffix('"')?;
            Some(unescaped(quoted))
        })
        .collect()
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let hex = rest.strip_prefix('x').and_then(|hex| hex.get(..2));
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = &rest[3..];
        } else if let Some(letter) = rest.chars().next() {
            bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            rest = &rest[letter.len_utf8()..];
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
