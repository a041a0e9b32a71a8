//! Decides on tax: the refund rate library, invoices, zone registrations, and the label of every released item.

mod invoice;
mod label;
mod labels;
mod rate;
pub mod rules;
mod zone;

pub use invoice::submit_invoices;
pub use label::{Labelled, Labels};
pub use labels::label_items;
pub use rate::load_refund_rates;
pub use zone::register_zone_goods;

/// True for a real day written as YYYYMMDD.
pub fn is_date(date: u32) -> bool {
    let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(is_leap),
        _ => 31,
    };
    (1900..=9999).contains(&year) && (1..=12).contains(&month) && (1..=days).contains(&day)
}

/// The day of a time in China Standard Time, YYYYMMDD.
pub fn day_of(time_ms: u64) -> u32 {
    const OFFSET_MS: u64 = 8 * 3_600_000;
    // Days to a date of the Gregorian calendar, counted from 1 March of year 0.
    let days = (time_ms + OFFSET_MS) / 86_400_000 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year * 10_000 + month * 100 + day) as u32
}

/// True when an interval of days holds a day; an end of 0 is open.
pub fn is_valid_on(day: u32, from: u32, until: u32) -> bool {
    from <= day && (until == 0 || day <= until)
}

#[cfg(test)]
mod tests {
    use super::{day_of, is_date};

    #[test]
    fn days_of_times() {
        for (time_ms, day) in [
            (0, 19700101),
            (57_600_000 - 1, 19700101),
            (57_600_000, 19700102),
            (951_753_600_000, 20000229),
            (1_767_196_800_000, 20260101),
            (1_795_525_864_000, 20261124),
        ] {
            assert_eq!(day_of(time_ms), day, "{time_ms}");
        }
    }

    #[test]
    fn dates_are_real_days() {
        for (date, expected) in [
            (20260229, false),
            (20280229, true),
            (20261301, false),
            (20260431, false),
            (20260430, true),
            (0, false),
        ] {
            assert_eq!(is_date(date), expected, "{date}");
        }
    }
}
