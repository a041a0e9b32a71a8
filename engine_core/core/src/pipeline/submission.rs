//! A request on its way in and its reply on its way out.

use sha2::{Digest, Sha256};

use crate::decide::Method;
use crate::event::RequestMark;
use crate::ids::Id;
use crate::rejection::{Refusal, Rejection, refuse};
use crate::wire::{Fields, Value, strict};

/// A request as the server hands it over. Time and seed are inputs: the core asks nothing of the machine.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The caller's own number for the reply.
    pub token: u64,
    pub method: u16,
    pub request: Vec<u8>,
    /// SPIFFE identity of the caller.
    pub identity: String,
    pub rights: u32,
    pub now_ms: u64,
    /// 32 random bytes: salts of the entries are its keystream.
    pub seed: [u8; 32],
}

/// A reply that may leave once entry `after` is durable (`None`: at once).
#[derive(Debug)]
pub struct Reply {
    pub token: u64,
    pub bytes: Vec<u8>,
    pub after: Option<u64>,
}

/// What a submission says of itself once its bytes are found to be the contract's.
pub struct Checked {
    pub method: Method,
    pub mark: RequestMark,
}

impl Submission {
    /// Checks method, fields and request id; `request_id` is field 1 of every write request.
    pub fn check(&self) -> Result<Checked, Refusal> {
        let Some(method) = Method::from_number(self.method) else {
            return refuse(Rejection::MalformedRequest, "method", self.method);
        };
        strict::check(method.request_name(), &self.request)?;
        let request_id = self.request_id()?;
        let sha256 = Sha256::digest(&self.request).into();
        Ok(Checked {
            method,
            mark: RequestMark {
                request_id,
                sha256,
                method: self.method,
            },
        })
    }

    fn request_id(&self) -> Result<Id, Refusal> {
        let mut fields = Fields::new(&self.request);
        while let Some(field) = fields.next_field()? {
            if let (1, Value::Bytes(bytes)) = (field.number, field.value) {
                return Id::parse(bytes).ok_or_else(|| Refusal::no_id("request_id", bytes));
            }
        }
        refuse(Rejection::RequestIdMissing, "request_id", "")
    }
}
