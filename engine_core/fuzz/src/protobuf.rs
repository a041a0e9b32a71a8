//! Changes of protobuf messages that keep every length right, so that a decoder looks at what changed.

use whampoa_core::seeded::Random;
use whampoa_core::wire::{Fields, Value};

/// Deepest nesting that is changed.
const DEPTH_MAX: usize = 6;

/// One field; a length-delimited one that reads as a message is taken for one.
#[derive(Clone)]
enum Node {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(Vec<u8>),
    Message(Vec<(u32, Node)>),
}

/// Changes the message behind the byte that names the method.
pub fn mutate_request(input: &mut Vec<u8>, random: &mut Random) {
    let Some((method, message)) = input.split_first() else {
        return;
    };
    let Some(mut fields) = read(message, 0) else {
        return;
    };
    for _ in 0..=random.below(3) {
        change(&mut fields, random);
    }
    let mut out = vec![*method];
    write(&fields, &mut out);
    *input = out;
}

fn read(bytes: &[u8], depth: usize) -> Option<Vec<(u32, Node)>> {
    let mut fields = Fields::new(bytes);
    let mut found = Vec::new();
    while let Some(field) = fields.next_field().ok()? {
        let node = match field.value {
            Value::Varint(value) => Node::Varint(value),
            Value::Fixed64(value) => Node::Fixed64(value),
            Value::Fixed32(value) => Node::Fixed32(value),
            Value::Bytes(value) => {
                let inner = (depth < DEPTH_MAX && value.len() > 1)
                    .then(|| read(value, depth + 1))
                    .flatten();
                inner.map_or_else(|| Node::Bytes(value.to_vec()), Node::Message)
            }
        };
        found.push((field.number, node));
    }
    Some(found)
}

fn write(fields: &[(u32, Node)], out: &mut Vec<u8>) {
    for (number, node) in fields {
        let tag = u64::from(*number) << 3;
        match node {
            Node::Varint(value) => {
                varint(tag, out);
                varint(*value, out);
            }
            Node::Fixed64(value) => {
                varint(tag | 1, out);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Node::Fixed32(value) => {
                varint(tag | 5, out);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Node::Bytes(value) => delimited(tag, value, out),
            Node::Message(inner) => {
                let mut value = Vec::new();
                write(inner, &mut value);
                delimited(tag, &value, out);
            }
        }
    }
}

fn delimited(tag: u64, value: &[u8], out: &mut Vec<u8>) {
    varint(tag | 2, out);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Changes one field of a level, or of a message inside it.
fn change(fields: &mut Vec<(u32, Node)>, random: &mut Random) {
    let count = fields.len();
    if count == 0 || random.one_in(24) {
        let number = 1 + random.below(20) as u32;
        fields.push((number, Node::Varint(any_number(random))));
        return;
    }
    let at = random.below(count);
    match random.below(12) {
        0 => {
            fields.remove(at);
        }
        1 if count < 200 => {
            let twin = fields[at].clone();
            fields.insert(random.below(count + 1), twin);
        }
        2 => fields.swap(at, random.below(count)),
        3 => fields[at].1 = fields[random.below(count)].1.clone(),
        _ => value(&mut fields[at].1, random),
    }
}

fn value(node: &mut Node, random: &mut Random) {
    match node {
        Node::Varint(value) => *value = near(*value, random),
        Node::Fixed64(value) => *value = near(*value, random),
        Node::Fixed32(value) => *value = near(u64::from(*value), random) as u32,
        Node::Bytes(bytes) => text(bytes, random),
        Node::Message(inner) => change(inner, random),
    }
}

fn near(value: u64, random: &mut Random) -> u64 {
    match random.below(4) {
        0 => any_number(random),
        1 => value ^ 1 << random.below(64),
        2 => value.wrapping_add(random.below(5) as u64).wrapping_sub(2),
        _ => value.wrapping_mul(random.next() % 1000),
    }
}

fn any_number(random: &mut Random) -> u64 {
    match random.below(6) {
        0 => random.below(4) as u64,
        1 => random.below(300) as u64,
        2 => u64::MAX - random.below(3) as u64,
        3 => (1 << random.below(64)) - random.below(2) as u64,
        4 => i64::MIN as u64,
        _ => random.next(),
    }
}

/// Texts, ids and packed columns alike.
fn text(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    match random.below(7) {
        0 => bytes.clear(),
        1 => bytes.truncate(at),
        2 if at < bytes.len() => bytes[at] = random.next() as u8,
        3 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        4 => bytes.extend_from_within(at..),
        5 => bytes.splice(at..at, *b"9999999999").for_each(drop),
        _ => {
            let start = at / 8 * 8;
            let new = any_number(random).to_le_bytes();
            bytes
                .iter_mut()
                .skip(start)
                .zip(new)
                .for_each(|(byte, new)| *byte = new);
        }
    }
}
