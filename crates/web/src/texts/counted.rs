//! Sentences with a number, a time or a name in them.

use engine::catalogue::Language;

/// The limits below the upload field.
pub(crate) fn upload_limits(language: Language, file: &str, total: &str, count: usize) -> String {
    match language {
        Language::Ja => format!("1ファイル {file} まで / 合計 {total} まで / {count}個まで"),
        Language::En => format!("Up to {file} per file, {total} in total, {count} files"),
    }
}

/// How far a batch is.
pub(crate) fn files_done(language: Language, done: usize, total: usize) -> String {
    match language {
        Language::Ja => format!("{total}件中 {done}件完了"),
        Language::En => format!("{done} of {total} done"),
    }
}

/// How much the rebuilt pages look like the original ones; `similarity` in ten thousandths, of the least similar of the `compared` pages.
pub(crate) fn fidelity(language: Language, similarity: u16, compared: u32) -> String {
    let (whole, tenth) = (similarity / 100, similarity % 100 / 10);
    let figure = if similarity >= 10_000 { "100%".to_owned() } else { format!("{whole}.{tenth}%") };
    match (language, compared) {
        (Language::Ja, 1) => format!("見た目の一致度: {figure}（1ページを元と比べました）"),
        (Language::Ja, _) => format!("見た目の一致度: {figure}（{compared}ページを元と比べ、最も低いもの）"),
        (Language::En, 1) => format!("Looks like the original: {figure} (1 page compared)"),
        (Language::En, _) => format!("Looks like the original: {figure} (the least of {compared} pages compared)"),
    }
}

/// How often a password may still be typed, and until when.
pub(crate) fn tries_left(language: Language, left: u32, until: &str) -> String {
    match language {
        Language::Ja => format!("残り {left}回 / {until} まで"),
        Language::En => format!("{left} tries left, until {until}"),
    }
}

/// That a mail tells those with a known address when an upload is done that took longer.
pub(crate) fn told_with_address(language: Language, after: std::time::Duration) -> String {
    let after = span(language, after.as_secs());
    match language {
        Language::Ja => {
            format!(
                "{after}より長くかかったときは、メールアドレスが登録されていれば、完了したらメールでお知らせします。"
            )
        }
        Language::En => format!(
            "If it takes longer than {after} and your mail address is registered, a mail tells you when it is done."
        ),
    }
}

/// How long results are kept.
pub(crate) fn kept_for(language: Language, keep: std::time::Duration) -> String {
    let days = keep.as_secs() / 86_400;
    match language {
        Language::Ja => format!("結果とファイルは、送ってから{days}日間受け取れます。そのあとは消えます。"),
        Language::En => {
            format!("Results and files can be fetched for {days} days after they were sent. Then they are gone.")
        }
    }
}

/// How often passwords may be typed.
pub(crate) fn tries_at_most(language: Language, tries: u32) -> String {
    match language {
        Language::Ja => format!("違うパスワードは、一つのファイルにつき{tries}回まで入力できます。"),
        Language::En => format!("Of one file, {tries} wrong passwords may be tried."),
    }
}

/// That a mail tells when an upload is done that took longer.
pub(crate) fn told_when_done(language: Language, after: std::time::Duration, address: &str) -> String {
    let after = span(language, after.as_secs());
    match language {
        Language::Ja => format!("{after}より長くかかったときは、完了したらメールでお知らせします（宛先: {address}）。"),
        Language::En => format!("If it takes longer than {after}, a mail to {address} tells you when it is done."),
    }
}

/// How many jobs come first.
pub(crate) fn ahead(language: Language, ahead: u32) -> String {
    match language {
        Language::Ja => format!("（前に {ahead}件 待っています）"),
        Language::En => format!("({ahead} waiting before it)"),
    }
}

/// Which page of how many.
pub(crate) fn page_of(language: Language, page: u32, pages: u32) -> String {
    match language {
        Language::Ja => format!("{pages}ページ中 {page}ページ目"),
        Language::En => format!("Page {page} of {pages}"),
    }
}

/// What the picture of a page shows, for those who do not see it.
pub(crate) fn page_picture(language: Language, name: &str, page: u32) -> String {
    match language {
        Language::Ja => format!("{name} の{page}ページ目の画像"),
        Language::En => format!("Picture of page {page} of {name}"),
    }
}

/// The link that a thumbnail is.
pub(crate) fn thumbnail(language: Language, name: &str) -> String {
    match language {
        Language::Ja => format!("安全なファイル {name} の1ページ目。ページを大きく見る"),
        Language::En => format!("First page of the safe file {name}. See its pages"),
    }
}

/// How long a blocked client should wait.
pub(crate) fn try_again_in(language: Language, seconds: u64) -> String {
    match (language, seconds.div_ceil(60)) {
        (Language::Ja, 0 | 1) => format!("{seconds}秒後にもう一度お試しください。"),
        (Language::Ja, minutes) => format!("約{minutes}分後にもう一度お試しください。"),
        (Language::En, 0 | 1) => format!("Try again in {seconds} seconds."),
        (Language::En, minutes) => format!("Try again in about {minutes} minutes."),
    }
}

/// A span of time in its largest whole unit.
pub(crate) fn span(language: Language, seconds: u64) -> String {
    let (number, ja, en) = match seconds {
        0..120 => (seconds, "秒", "s"),
        120..7200 => (seconds / 60, "分", "min"),
        7200..172_800 => (seconds / 3600, "時間", "h"),
        _ => (seconds / 86_400, "日", "days"),
    };
    match language {
        Language::Ja => format!("{number}{ja}"),
        Language::En => format!("{number} {en}"),
    }
}

/// How long ago something was.
pub(crate) fn ago(language: Language, seconds: u64) -> String {
    match language {
        Language::Ja => format!("{}前", span(language, seconds)),
        Language::En => format!("{} ago", span(language, seconds)),
    }
}

/// How long something still lasts.
pub(crate) fn left(language: Language, seconds: u64) -> String {
    match language {
        Language::Ja => format!("あと{}", span(language, seconds)),
        Language::En => format!("{} left", span(language, seconds)),
    }
}

/// A time that is not exceeded.
pub(crate) fn within(language: Language, time: std::time::Duration) -> String {
    let (seconds, tenth) = (time.as_secs(), time.subsec_millis() / 100);
    let number = match (seconds, time.subsec_millis()) {
        (0, millis) if millis % 100 != 0 => format!("0.{millis:03}").trim_end_matches('0').to_owned(),
        (seconds, 0) => seconds.to_string(),
        (seconds, _) => format!("{seconds}.{tenth}"),
    };
    match language {
        Language::Ja => format!("{number}秒以内"),
        Language::En => format!("{number} s"),
    }
}

/// How many entries the chain check walked.
pub(crate) fn audit_length(language: Language, rows: u64) -> String {
    match language {
        Language::Ja => format!("{rows}件を確認しました。"),
        Language::En => format!("{rows} entries checked."),
    }
}

/// What a draft is judged by without converting anything.
pub(crate) fn forecast(language: Language, forecast: &crate::Forecast) -> String {
    let crate::Forecast { days, messages, parts, whole, .. } = forecast;
    match (language, whole) {
        (Language::Ja, true) => {
            format!("過去{days}日間のメールとアップロード {messages}件（ファイル {parts}個）の記録だけから数えました。")
        }
        (Language::Ja, false) => {
            format!("過去{days}日間のうち、新しいほうから {messages}件（ファイル {parts}個）の記録だけから数えました。")
        }
        (Language::En, true) => {
            format!(
                "Counted from the record alone: {messages} mails and uploads of the last {days} days, with {parts} files."
            )
        }
        (Language::En, false) => {
            format!(
                "Counted from the record alone: the newest {messages} mails and uploads of the last {days} days, with {parts} files."
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_told_in_seconds() {
        for (millis, expect) in [(50, "0.05秒以内"), (300, "0.3秒以内"), (1500, "1.5秒以内"), (60_000, "60秒以内")]
        {
            assert_eq!(within(Language::Ja, std::time::Duration::from_millis(millis)), expect);
        }
    }

    #[test]
    fn a_span_is_told_in_its_largest_unit() {
        let check = |seconds, ja: &str| assert_eq!(span(Language::Ja, seconds), ja);
        check(3, "3秒");
        check(119, "119秒");
        check(120, "2分");
        check(7200, "2時間");
        check(172_800, "2日");
    }
}
