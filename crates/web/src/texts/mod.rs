//! Every sentence of the pages, in Japanese and English. Sentences about reasons come from `engine::catalogue`.
//!
//! Each part of the pages has its list in a module here. Only a macro can make one struct from several lists, so each list is a macro that
//! hands what was collected so far and its own texts to the next; the last one, [`texts!`], makes the struct and its two values.

#[macro_use]
mod frame;
#[macro_use]
mod portal;
#[macro_use]
mod help;
#[macro_use]
mod people;
#[macro_use]
mod users;
#[macro_use]
mod requests;
#[macro_use]
mod quarantine;
#[macro_use]
mod console;
#[macro_use]
mod audit;
#[macro_use]
mod policy;
#[macro_use]
mod system;
#[macro_use]
mod tenants;
#[macro_use]
mod faults;
#[macro_use]
mod icap;

mod counted;

use engine::catalogue::Language;

pub(crate) use counted::{
    ago, ahead, audit_length, fidelity, files_done, forecast, kept_for, left, page_of, page_picture, span, thumbnail,
    told_when_done, told_with_address, tries_at_most, tries_left, try_again_in, upload_limits, within,
};

/// Makes the struct and both languages from one list, so that no text can be missing in one of them.
macro_rules! texts {
    ([] $($key:ident: $ja:literal / $en:literal;)*) => {
        /// The fixed texts of one language.
        #[derive(Debug)]
        pub(crate) struct Texts { $(pub(crate) $key: &'static str,)* }

        static JA: Texts = Texts { $($key: $ja,)* };
        static EN: Texts = Texts { $($key: $en,)* };

        #[cfg(test)]
        static PAIRS: &[(&str, &str, &str)] = &[$((stringify!($key), $ja, $en),)*];
    };
}

frame! { [portal help people users requests quarantine console audit policy system tenants faults icap texts] }

/// The texts of a language.
pub(crate) fn texts(language: Language) -> &'static Texts {
    match language {
        Language::Ja => &JA,
        Language::En => &EN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_written_in_both_languages() {
        for (key, ja, en) in PAIRS {
            assert!(!ja.is_empty() && !en.is_empty(), "{key}");
            if !matches!(*key, "other_language" | "other_tag" | "detail_helo") {
                assert!(!ja.is_ascii(), "{key} is not Japanese: {ja}");
                assert!(!en.chars().any(|c| ('\u{3040}'..='\u{9FFF}').contains(&c)), "{key} is not English: {en}");
            }
        }
    }

    #[test]
    fn one_thing_has_one_word() {
        for (key, ja, _) in PAIRS {
            let ja = ja.replace("ヘッダー", "");
            for (other, word) in
                [("ウェブ", "Web"), ("ヘッダ", "ヘッダー"), ("送信者", "差出人"), ("元のファイル", "原本")]
            {
                assert!(!ja.contains(other), "{key} says {other} for {word}");
            }
        }
    }

    #[test]
    fn the_pages_list_what_the_readme_says_is_rebuilt() {
        let listed = |t: &Texts| -> String {
            let lists = crate::portal::formats(t).map(|formats| formats.types);
            lists.join(" ").to_lowercase()
        };
        let (japanese, in_english) = (listed(&JA), listed(&EN));
        // What a row of the table is called on the page.
        let words = |row: &str| {
            match row {
                "mail (RFC 5322)" => "EML",
                "Outlook message (msg, TNEF)" => "Outlook msg TNEF",
                "text" => "RTF",
                "ICO (icons of Windows)" => "ICO",
                "JPEG 2000 (jp2, j2k)" => "JPEG 2000",
                "PSD (Photoshop)" => "PSD",
                "dBASE (dbf)" => "dBASE",
                "HEIC (photographs of telephones), AVIF" => "HEIC AVIF",
                "docx, xlsx, pptx and their macro, template and show kinds" => "Word Excel PowerPoint docx xlsx pptx",
                "一太郎 8 and later (jtd, jtt, jtdc, jttc)" => "一太郎",
                "signed files (p7m), AppleSingle, BinHex" => "p7m AppleSingle BinHex",
                _ => "",
            }
            .to_owned()
        };
        let readme = include_str!("../../../../README.md");
        let table = readme.split("| kind | becomes |\n|---|---|\n").nth(1).unwrap();
        let rows: Vec<&str> = table.lines().map_while(|line| line.strip_prefix("| ")?.split(" | ").next()).collect();
        assert!(rows.len() > 15, "{rows:?}");
        for row in rows.iter().filter(|row| **row != "anything else") {
            let named = match words(row) {
                none if none.is_empty() => row.replace("flat OpenDocument, XML of Word and Excel 2003", "OpenDocument"),
                named => named,
            };
            let named = named.replace(" images", "");
            for word in named.split([',', ';', ' ']).filter(|word| !word.is_empty()) {
                assert!(japanese.contains(&word.to_lowercase()), "{word} of {row}");
                let english = word.replace("一太郎", "Ichitaro");
                assert!(in_english.contains(&english.to_lowercase()), "{word} of {row}");
            }
        }
    }
}
