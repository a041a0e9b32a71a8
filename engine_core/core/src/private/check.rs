//! Private parts against the commitments of their entries; what is not there is erased, what does not fit is damaged.

use std::path::Path;

use super::scan::{self, Found};
use super::{FoundKeys, KEYS, Kept, VALUES, kept, read_keys};
use crate::journal::Fault;
use crate::journal::entry::{KIND_PRIVATE, commitment};
use crate::journal::storage::{FileStorage, Storage};
use crate::journal::view::{EntryView, FieldView};

/// A place where a private part is not what its entry committed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateBad {
    pub file: &'static str,
    pub offset: u64,
    /// The entry and field that it belongs to, where that is known.
    pub index: Option<u64>,
    pub field: Option<u16>,
    pub what: &'static str,
}

/// What the files of private parts say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivateReport {
    /// Private fields of the entries that were checked.
    pub fields: u64,
    /// Those that open their commitment.
    pub whole: u64,
    /// Those that are not there: erased with their key, or kept elsewhere. Nothing needs them.
    pub absent: u64,
    /// Places that rotted and parts that do not fit.
    pub damaged: u64,
    pub first_bad: Option<PrivateBad>,
}

/// A check that sees the entries in order.
pub struct PrivateCheck<S> {
    storage: S,
    found: Found,
    keys: FoundKeys,
    report: PrivateReport,
    /// Places without a whole record, in order; the last may be a tail that was never fully written.
    gaps: Vec<u64>,
    tail: Option<u64>,
    /// Names of parts that have no record, kept only while there are places without one.
    missing: Vec<(u64, u16)>,
    has_no_key: bool,
}

impl PrivateCheck<FileStorage> {
    /// Looks at a folder without changing it; `None` when there is none.
    pub fn open(folder: &Path) -> Result<Option<Self>, Fault> {
        match folder.join(VALUES).is_file() && folder.join(KEYS).is_file() {
            true => Self::new(FileStorage::read_only(folder)).map(Some),
            false => Ok(None),
        }
    }
}

impl<S: Storage> PrivateCheck<S> {
    pub fn new(storage: S) -> Result<Self, Fault> {
        let found = scan::scan(&storage, VALUES)?;
        let keys = read_keys(&storage)?;
        let tail = (found.end < storage.length(VALUES)?).then_some(found.end);
        Ok(Self {
            gaps: found.damaged.iter().copied().chain(tail).collect(),
            tail,
            storage,
            found,
            keys,
            report: PrivateReport::default(),
            missing: Vec::new(),
            has_no_key: false,
        })
    }

    pub fn entry(&mut self, view: &EntryView<'_>) -> Result<(), Fault> {
        let fields = view.fields().iter();
        for field in fields.filter(|field| field.kind & KIND_PRIVATE != 0) {
            self.field(view.index(), field)?;
        }
        Ok(())
    }

    fn field(&mut self, index: u64, field: &FieldView<'_>) -> Result<(), Fault> {
        self.report.fields += 1;
        let Some(place) = self.found.places.get(&(index, field.id)).copied() else {
            self.report.absent += 1;
            if !self.gaps.is_empty() {
                self.missing.push((index, field.id));
            }
            return Ok(());
        };
        let what = match kept(&self.storage, &self.keys.keys, place, index, field.id)? {
            Kept::Value(value, salt)
                if commitment(field.id, field.kind, &value, &salt) == field.value =>
            {
                self.report.whole += 1;
                return Ok(());
            }
            Kept::Value(..) => "the private part does not fit its commitment",
            Kept::Damaged => "the private part cannot be decrypted",
            Kept::Erased => {
                self.report.absent += 1;
                return Ok(());
            }
            Kept::NoKey => {
                self.has_no_key = true;
                self.report.absent += 1;
                return Ok(());
            }
        };
        self.bad(PrivateBad {
            file: VALUES,
            offset: place.offset,
            index: Some(index),
            field: Some(field.id),
            what,
        });
        Ok(())
    }

    /// Counts a bad place; the first of a file is told, keys first, because without them nothing opens.
    fn bad(&mut self, bad: PrivateBad) {
        self.report.damaged += 1;
        let first = &mut self.report.first_bad;
        let is_first = first.as_ref().is_none_or(|first| {
            (first.file != KEYS, first.offset) > (bad.file != KEYS, bad.offset)
        });
        if is_first {
            *first = Some(bad);
        }
    }

    pub fn report(mut self) -> Result<PrivateReport, Fault> {
        self.keys()?;
        for gap in std::mem::take(&mut self.gaps) {
            let name = self.name_at(gap);
            // A part is durable before its entry is written: a tail that was cut off belongs to none that is there.
            if self.tail == Some(gap) && name.is_none() {
                continue;
            }
            self.report.absent -= u64::from(name.is_some());
            self.bad(PrivateBad {
                file: VALUES,
                offset: gap,
                index: name.map(|name| name.0),
                field: name.map(|name| name.1),
                what: "the record of a private part is damaged",
            });
        }
        Ok(self.report)
    }

    fn keys(&mut self) -> Result<(), Fault> {
        let has_tail = self.keys.end < self.storage.length(KEYS)?;
        let tail = (has_tail && self.has_no_key).then_some(self.keys.end);
        for offset in self.keys.rotten.clone().into_iter().chain(tail) {
            self.bad(PrivateBad {
                file: KEYS,
                offset,
                index: None,
                field: None,
                what: "a key is damaged: what was kept under it cannot be read",
            });
        }
        Ok(())
    }

    /// The part whose record stood at a place: records stand in the order of the entries, so it is the first missing one
    /// behind that of the record before the place.
    fn name_at(&mut self, gap: u64) -> Option<(u64, u16)> {
        let places = self.found.places.iter();
        let before = places
            .filter(|(_, place)| place.offset < gap)
            .max_by_key(|(_, place)| place.offset)
            .map(|(name, _)| *name);
        let at = self.missing.iter().position(|name| Some(*name) > before)?;
        Some(self.missing.remove(at))
    }
}
