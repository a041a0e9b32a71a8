//! Entries and rows of the registry: actors, parties, relations, grants and where parties are paid.

use super::codec::{Text, code, entry, row};
use crate::contract::whampoa::registry::v1::PayeeAccount;
use crate::ids::{Id, Step};
use crate::money::Currency;

code! {
    /// Why data may be used.
    Purpose {
        CustomsMatch = 1,
        ForexSettlement = 2,
        Tax = 3,
    }
}

code! {
    /// What a relation says; `from` is always a merchant.
    RelationKind {
        /// Entrusts a declarant or service enterprise to declare.
        Entrusts = 1,
        /// Shop on a platform: order numbers begin with the prefix.
        Shop = 2,
        /// Item numbers begin with the prefix.
        Item = 3,
        /// A service enterprise collects its foreign money.
        ServedBy = 4,
    }
}

/// Longest prefix of a relation, in bytes.
pub const PREFIX_BYTES: usize = 24;

/// What is private of a party: one blob per `PartyRow` or `PayeeRow`, kept under the party's key.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PartySecret {
    /// Empty in an entry that only sets the payee.
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub payee: Option<PayeeAccount>,
}

entry! {
    /// An identity was seen for the first time and got the next actor index.
    ActorAdmitted = 1 { 10 identity: String }
}

row! {
    /// A party as registered.
    PartyRow = 1 {
        party_id: Id,
        index: u32,
        /// Bit `1 << number` for every role.
        roles: u16,
        vat_class: u8,
        refund_filing_date: u32,
        sanctioned: bool,
        has_payee: bool,
        uscc: Text<18>,
        institution_code: Text<12>,
        /// Keyed digest of all that was sent, so that the same party again is told from another one.
        content: [u8; 8],
        previous: Step,
    }
}

row! {
    /// A ten-character customs code of a party.
    PartyCodeRow = 2 {
        index: u32,
        code: Text<10>,
    }
}

entry! {
    /// Parties, each with its private part.
    PartiesRegistered = 2 {}
    per_row { secrets }
    rows { parties: PartyRow, codes: PartyCodeRow }
}

row! {
    /// A relation between two parties.
    RelationRow = 3 {
        relation_id: Id,
        index: u32,
        kind: RelationKind,
        from: u32,
        /// `NO_INDEX` when the relation names no other party.
        to: u32,
        prefix: Text<PREFIX_BYTES>,
        valid_from_ms: u64,
        valid_until_ms: u64,
        previous: Step,
    }
}

entry! {
    RelationsRegistered = 3 {}
    rows { relations: RelationRow }
}

entry! {
    /// A relation ends with this entry.
    RelationEnded = 4 {
        10 relation_id: Id,
        11 relation: u32,
    }
}

row! {
    /// An authorisation to use data.
    GrantRow = 4 {
        grant_id: Id,
        index: u32,
        grantor: u32,
        grantee: u32,
        purpose: Purpose,
        /// 0 stands for every currency.
        currency: Currency,
        valid_from_ms: u64,
        valid_until_ms: u64,
        policy_sha256: [u8; 32],
        previous: Step,
    }
}

entry! {
    GrantsRegistered = 5 {}
    rows { grants: GrantRow }
}

entry! {
    /// A grant is revoked with this entry.
    GrantRevoked = 6 {
        10 grant_id: Id,
        11 grant_index: u32,
    }
    secrets { 40 reason }
}

row! {
    /// A party is paid elsewhere from here on.
    PayeeRow = 5 {
        party_id: Id,
        index: u32,
        previous: Step,
    }
}

entry! {
    PayeeSet = 7 {}
    per_row { secrets }
    rows { payees: PayeeRow }
}
