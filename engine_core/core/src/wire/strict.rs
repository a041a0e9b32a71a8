//! Refuses fields the contract does not know, with their path: protobuf would drop them silently. And texts that no database,
//! and no frame of the journal, could hold.

use std::collections::HashMap;
use std::sync::OnceLock;

use prost::Message;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

use super::{Fields, Value};
use crate::contract::DESCRIPTORS;
use crate::rejection::{Refusal, Rejection, refuse};

#[derive(Clone, Debug)]
struct Known {
    name: String,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Varint,
    Fixed64,
    Fixed32,
    Bytes,
    Text,
    Message(usize),
}

#[derive(Debug, Default)]
struct Contract {
    by_name: HashMap<String, usize>,
    messages: Vec<HashMap<u32, (Known, bool)>>,
}

/// Deepest nesting of messages that is followed.
const DEPTH_MAX: usize = 16;

/// Checks that `bytes` are a message of this name with known fields of the right wire types only.
pub fn check(message: &str, bytes: &[u8]) -> Result<(), Refusal> {
    let contract = contract();
    match contract.by_name.get(message) {
        Some(index) => contract.walk(*index, bytes, "", 0),
        None => refuse(Rejection::MalformedRequest, "request", message),
    }
}

/// Name of a field of a message; its number where the contract has none.
pub fn field_name(message: &str, number: u32) -> String {
    let contract = contract();
    let fields = contract
        .by_name
        .get(message)
        .map(|index| &contract.messages[*index]);
    fields
        .and_then(|fields| fields.get(&number))
        .map_or_else(|| format!("#{number}"), |(known, _)| known.name.clone())
}

impl Contract {
    fn walk(&self, message: usize, bytes: &[u8], path: &str, depth: usize) -> Result<(), Refusal> {
        if depth > DEPTH_MAX {
            return refuse(Rejection::MalformedRequest, path, "nested too deep");
        }
        let mut fields = Fields::new(bytes);
        // Counts repeated sub-messages, so that a path can say which one.
        let mut seen: HashMap<u32, usize> = HashMap::new();
        while let Some(field) = fields.next_field()? {
            let Some((known, is_repeated)) = self.messages[message].get(&field.number) else {
                let place = format!("{path}#{}", field.number);
                return refuse(
                    Rejection::UnknownField,
                    place,
                    format!("at byte {}", field.offset),
                );
            };
            if let (Shape::Text, Value::Bytes(text)) = (known.shape, field.value)
                && let Some(at) = text.iter().position(|byte| *byte == 0)
            {
                let place = format!("{path}{}", known.name);
                return refuse(
                    Rejection::FieldInvalid,
                    place,
                    format!("a zero at byte {at} of the text"),
                );
            }
            let fits = match (known.shape, field.value) {
                (Shape::Varint, Value::Varint(_))
                | (Shape::Fixed64, Value::Fixed64(_))
                | (Shape::Fixed32, Value::Fixed32(_))
                | (Shape::Bytes | Shape::Text, Value::Bytes(_)) => true,
                (Shape::Message(inner), Value::Bytes(value)) => {
                    let count = seen.entry(field.number).or_default();
                    let place = match is_repeated {
                        true => format!("{path}{}[{count}].", known.name),
                        false => format!("{path}{}.", known.name),
                    };
                    *count += 1;
                    self.walk(inner, value, &place, depth + 1)?;
                    true
                }
                // Packed scalars.
                (Shape::Fixed64, Value::Bytes(value)) => {
                    *is_repeated && value.len().is_multiple_of(8)
                }
                (Shape::Fixed32, Value::Bytes(value)) => {
                    *is_repeated && value.len().is_multiple_of(4)
                }
                (Shape::Varint, Value::Bytes(_)) => *is_repeated,
                _ => false,
            };
            if !fits {
                let place = format!("{path}{}", known.name);
                return refuse(
                    Rejection::MalformedRequest,
                    place,
                    format!("wire type at byte {}", field.offset),
                );
            }
        }
        Ok(())
    }

    fn add(&mut self, package: &str, message: &DescriptorProto) {
        let name = format!("{package}.{}", message.name());
        for nested in &message.nested_type {
            self.add(&name, nested);
        }
        self.by_name.insert(name, self.messages.len());
        self.messages.push(HashMap::new());
    }

    fn fill(&mut self, package: &str, message: &DescriptorProto) {
        let name = format!("{package}.{}", message.name());
        for nested in &message.nested_type {
            self.fill(&name, nested);
        }
        let index = self.by_name[&name];
        for field in &message.field {
            let shape = match field.r#type() {
                Type::Fixed64 | Type::Sfixed64 | Type::Double => Shape::Fixed64,
                Type::Fixed32 | Type::Sfixed32 | Type::Float => Shape::Fixed32,
                Type::String => Shape::Text,
                Type::Bytes => Shape::Bytes,
                Type::Message | Type::Group => {
                    Shape::Message(self.by_name[field.type_name().trim_start_matches('.')])
                }
                _ => Shape::Varint,
            };
            let is_repeated = field.label() == prost_types::field_descriptor_proto::Label::Repeated;
            let known = Known {
                name: field.name().to_owned(),
                shape,
            };
            self.messages[index].insert(field.number() as u32, (known, is_repeated));
        }
    }
}

fn contract() -> &'static Contract {
    static CONTRACT: OnceLock<Contract> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let set =
            FileDescriptorSet::decode(DESCRIPTORS).expect("descriptors are built with the crate");
        let mut contract = Contract::default();
        for file in &set.file {
            file.message_type
                .iter()
                .for_each(|message| contract.add(file.package(), message));
        }
        for file in &set.file {
            file.message_type
                .iter()
                .for_each(|message| contract.fill(file.package(), message));
        }
        contract
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::whampoa::registry::v1::{Party, RegisterPartiesRequest};

    const REQUEST: &str = "whampoa.registry.v1.RegisterPartiesRequest";

    #[test]
    fn known_fields_pass() {
        let request = RegisterPartiesRequest {
            request_id: vec![7; 16],
            parties: vec![Party::default()],
        };
        assert_eq!(check(REQUEST, &request.encode_to_vec()), Ok(()));
    }

    #[test]
    fn unknown_field_is_named_with_its_path() {
        let mut party = Party::default().encode_to_vec();
        party.extend([0xf8, 0x06, 1]);
        let mut bytes = vec![0x12, party.len() as u8];
        bytes.extend(&party);
        let refusal = check(REQUEST, &bytes).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.field.as_str()),
            (Rejection::UnknownField, "parties[0].#111")
        );
    }

    #[test]
    fn a_text_with_a_zero_is_named_with_its_path() {
        let party = Party {
            party_id: vec![0; 16],
            name: "a\0b".to_owned(),
            ..Default::default()
        };
        let request = RegisterPartiesRequest {
            request_id: vec![7; 16],
            parties: vec![Party::default(), party],
        };
        let refusal = check(REQUEST, &request.encode_to_vec()).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.field.as_str(), refusal.value.as_str()),
            (
                Rejection::FieldInvalid,
                "parties[1].name",
                "a zero at byte 1 of the text"
            )
        );
    }

    #[test]
    fn truncated_and_mistyped_bytes_are_malformed() {
        let bytes = RegisterPartiesRequest {
            request_id: vec![7; 16],
            parties: vec![],
        }
        .encode_to_vec();
        for length in 1..bytes.len() {
            assert_eq!(
                check(REQUEST, &bytes[..length]).unwrap_err().code,
                Rejection::MalformedRequest
            );
        }
        assert_eq!(
            check(REQUEST, &[0x08, 1]).unwrap_err().code,
            Rejection::MalformedRequest
        );
    }
}
