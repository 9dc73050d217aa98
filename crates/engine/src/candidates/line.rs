//! What of a line may be a password.

use form::mail::MailDate;

use super::Wording;

/// The most letters of a password that is taken from a mail.
const MAX_TOKEN_CHARS: usize = 128;

/// The fewest.
const MIN_TOKEN_CHARS: usize = 3;

/// Words of one line that are looked at.
const MAX_TOKENS: usize = 40;

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// As it stands there.
    pub(super) text: String,
    /// Where it ends in its line.
    pub(super) end: usize,
    /// It stands in quotes or brackets.
    pub(super) quoted: bool,
}

impl Token {
    /// No word of a language: digits beside letters, or a sign amid them.
    pub(super) fn is_mixed(&self) -> bool {
        let half = half_width(&self.text);
        let digits = half.chars().filter(char::is_ascii_digit).count();
        let letters = half.chars().filter(char::is_ascii_alphabetic).count();
        let signs = half.chars().filter(|c| "!#$%&*+?@^~_".contains(*c)).count();
        (digits > 0 && letters > 0) || (signs > 0 && digits.saturating_add(letters) > 2) || has_inner_capital(&half)
    }

    /// What may be meant, the likeliest first: half-width letters for full-width ones, and without the full stop behind it.
    pub(super) fn readings(&self) -> Vec<String> {
        let half = half_width(&self.text);
        let bare = half.trim_end_matches(['.', ',', ';', ':']).to_owned();
        let inner = bare.trim_start_matches(['(', '[', '{', '<', '"', '\'']);
        let inner = inner.trim_end_matches(['(', '[', '{', '<', ')', ']', '}', '>', '"', '\'']).to_owned();
        let mut readings: Vec<String> = Vec::new();
        // Brackets around it are rarely part of it, a sign at its end often is.
        for text in [inner, bare, half, self.text.clone()] {
            if text.chars().count() >= MIN_TOKEN_CHARS && !readings.contains(&text) {
                readings.push(text);
            }
        }
        readings
    }
}

/// `PassWord` and `xKq` are no words; `Password` is one.
fn has_inner_capital(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    letters.len() >= 6
        && letters.iter().all(char::is_ascii_alphabetic)
        && letters
            .windows(2)
            .filter(|pair| matches!(pair, [a, b] if a.is_ascii_lowercase() && b.is_ascii_uppercase()))
            .count()
            > 0
}

/// Letters as they are compared: half-width, lower case, one for one.
pub(super) fn folded(line: &[char]) -> Vec<char> {
    line.iter().map(|c| half(*c).to_ascii_lowercase()).collect()
}

fn half(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => u32::from(c).checked_sub(0xFEE0).and_then(char::from_u32).unwrap_or(c),
        '\u{3000}' | '\u{A0}' | '\t' => ' ',
        '“' | '”' | '„' => '"',
        '‘' | '’' => '\'',
        other => other,
    }
}

fn half_width(text: &str) -> String {
    text.chars().map(half).collect()
}

/// What a rest of a line begins with, when that may be a password: in quotes, a run of letters, or all of it.
pub(super) fn told(rest: &[char], wording: &Wording) -> Option<Vec<Token>> {
    let mut at = 0;
    // `パスワードは、「` and `Password: ` and `パスワード（半角）：`: the separators are no part of it.
    while let Some(c) = rest.get(at).map(|c| half(*c)) {
        if c == ' ' || ":;=>-―ー→⇒、は".contains(c) && at < MAX_LEAD {
            at = at.saturating_add(1);
        } else {
            break;
        }
    }
    let rest = rest.get(at..)?;
    let first = half(*rest.first()?);
    if let Some(close) = closing(first) {
        let inner: Vec<char> = rest.iter().skip(1).take_while(|c| half(**c) != close).copied().collect();
        let length = inner.len();
        if (1..=MAX_TOKEN_CHARS).contains(&length) && rest.get(length.saturating_add(1)).is_some() {
            let text: String = inner.iter().collect();
            return Some(vec![Token { text: text.trim().to_owned(), end: length, quoted: true }]);
        }
    }
    let run: String = rest.iter().take_while(|c| is_run(half(**c))).take(MAX_TOKEN_CHARS).collect();
    let length = run.chars().count();
    if length >= MIN_TOKEN_CHARS {
        let mut tokens = vec![Token { text: run, end: length, quoted: false }];
        let all: String = rest.iter().map(|c| half(*c)).collect();
        let all = all.trim_end();
        // A phrase of words.
        if all.contains(' ') && all.len() <= MAX_TOKEN_CHARS && all.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            tokens.push(Token { text: all.to_owned(), end: rest.len(), quoted: false });
        }
        return Some(tokens);
    }
    // Japanese words are passwords too, where nothing else follows.
    let words: String = rest.iter().collect();
    let words = without_tail(words.trim());
    let fits = (MIN_TOKEN_CHARS..=MAX_JAPANESE).contains(&words.chars().count());
    (fits && words.chars().all(char::is_alphanumeric) && !wording.announces(rest) && !is_polite(words))
        .then(|| vec![Token { text: words.to_owned(), end: rest.len(), quoted: false }])
}

const MAX_LEAD: usize = 12;

/// Letters of a password of Japanese words.
const MAX_JAPANESE: usize = 24;

/// What a sentence ends with behind a password.
const TAILS: &[&str] =
    &["です", "でございます", "になります", "となります", "となっております", "である", "とする", "。"];

/// What is said in place of a password.
const POLITE: &[&str] = &[
    "別途",
    "後ほど",
    "下記",
    "以下",
    "次",
    "上記",
    "記載",
    "通り",
    "とおり",
    "メール",
    "ください",
    "下さい",
    "ます",
    "電話",
    "お知らせ",
    "ご連絡",
    "について",
    "送付",
    "案内",
    "連絡",
    "再設定",
    "変更",
    "関する",
    "の件",
    "規則",
    "管理",
];

fn without_tail(mut text: &str) -> &str {
    while let Some(shorter) = TAILS.iter().find_map(|tail| text.strip_suffix(tail)) {
        text = shorter;
    }
    text
}

fn is_polite(text: &str) -> bool {
    POLITE.iter().any(|polite| text.contains(polite))
}

/// Whether the line is a sentence in which nothing is told.
pub(super) fn is_prose(line: &[char]) -> bool {
    line.iter().filter(|c| matches!(c, '。' | '、')).count() > 0
        && !line.iter().any(|c| half(*c).is_ascii_digit())
        && !line.iter().any(|c| closing(half(*c)).is_some())
}

/// The one word of a line, with marks and brackets around it or without.
pub(super) fn alone(line: &[char]) -> Option<Vec<Token>> {
    let text: String = line.iter().collect();
    let text = text.trim().trim_start_matches(MARKS).trim_end_matches(MARKS_BEHIND).trim();
    let text = without_tail(text);
    let letters: Vec<char> = text.chars().collect();
    if let (Some(close), Some(last)) = (letters.first().and_then(|c| closing(half(*c))), letters.last())
        && half(*last) == close
        && (3..=MAX_TOKEN_CHARS).contains(&letters.len())
    {
        let inner: String = letters.iter().skip(1).take(letters.len().saturating_sub(2)).collect();
        return Some(vec![Token { text: inner.trim().to_owned(), end: letters.len(), quoted: true }]);
    }
    let fits = (MIN_TOKEN_CHARS..=MAX_TOKEN_CHARS).contains(&letters.len());
    (fits && letters.iter().all(|c| is_run(half(*c))) && letters.iter().any(|c| half(*c).is_ascii_alphanumeric())).then(
        || {
            let trimmed = Token { text: text.to_owned(), end: letters.len(), quoted: false };
            let whole: String = line.iter().filter(|c| !c.is_whitespace()).collect();
            let whole = Token { text: whole, end: line.len(), quoted: false };
            if whole.text == trimmed.text || !whole.text.chars().all(|c| is_run(half(c))) {
                vec![trimmed]
            } else {
                vec![trimmed, whole]
            }
        },
    )
}

/// Marks that stand before a line or around it.
const MARKS: &[char] = &[
    '■', '□', '◆', '◇', '●', '○', '・', '※', '★', '☆', '▼', '▽', '▶', '→', '⇒', '*', '-', '#', '=', '_', ' ',
    '\u{3000}', ':', '：',
];
const MARKS_BEHIND: &[char] =
    &['■', '□', '◆', '◇', '●', '○', '・', '★', '☆', '▲', '△', '←', '⇐', '*', '=', '_', '。', '、', ' ', '\u{3000}'];

/// Pieces in quotes, and runs of letters.
pub(super) fn tokens(line: &[char]) -> Vec<Token> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = line.get(at).map(|c| half(*c)) {
        if found.len() >= MAX_TOKENS {
            break;
        }
        let rest = line.get(at.saturating_add(1)..).unwrap_or_default();
        if let Some(close) = closing(c).filter(|_| !matches!(c, '<' | '\''))
            && let Some(length) = rest.iter().take(MAX_TOKEN_CHARS).position(|c| half(*c) == close)
            && length >= MIN_TOKEN_CHARS
        {
            let text: String = rest.iter().take(length).collect();
            let end = at.saturating_add(length).saturating_add(2);
            // `（半角）` beside a password is none.
            if text.chars().any(|c| half(c).is_ascii_alphanumeric()) || matches!(c, '「' | '『' | '【') {
                found.push(Token { text: text.trim().to_owned(), end, quoted: true });
            }
            at = end;
            continue;
        }
        if is_run(c) {
            let run: String = line.iter().skip(at).take_while(|c| is_run(half(**c))).take(MAX_TOKEN_CHARS).collect();
            let length = run.chars().count();
            let end = at.saturating_add(length);
            if length >= MIN_TOKEN_CHARS {
                found.push(Token { text: run, end, quoted: false });
            }
            at = end.max(at.saturating_add(1));
            continue;
        }
        at = at.saturating_add(1);
    }
    found
}

fn is_run(c: char) -> bool {
    c.is_ascii_graphic()
}

fn closing(open: char) -> Option<char> {
    Some(match open {
        '「' => '」',
        '『' => '』',
        '【' => '】',
        '〔' => '〕',
        '〈' => '〉',
        '《' => '》',
        '≪' => '≫',
        '［' | '[' => ']',
        '（' | '(' => ')',
        '{' => '}',
        '<' => '>',
        '"' => '"',
        '\'' => '\'',
        '`' => '`',
        _ => return None,
    })
}

/// An address of the web or of a mail, a telephone number, a time, a file: what stands in a signature or beside a password.
pub(super) fn is_contact(token: &Token) -> bool {
    let text = half_width(&token.text).to_ascii_lowercase();
    let text = text.trim_matches(|c: char| "()[]<>{}\"'.,;:".contains(c));
    let domain = |text: &str| {
        text.rsplit_once('.').is_some_and(|(_, last)| last.len() >= 2 && last.bytes().all(|b| b.is_ascii_alphabetic()))
    };
    let mail = text.rsplit_once('@').is_some_and(|(local, host)| !local.is_empty() && domain(host));
    let web = text.contains("://") || text.starts_with("www.") || text.starts_with("mailto:");
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let phone = digits >= 9
        && text.bytes().filter(|b| matches!(b, b'-' | b'(' | b')')).count() >= 2
        && text.bytes().all(|b| b.is_ascii_digit() || b"-+()".contains(&b));
    let labelled = ["tel", "fax", "phone", "mobile"].iter().any(|label| {
        text.strip_prefix(label).is_some_and(|rest| rest.starts_with([':', '.', '0', '+']) && digits >= 9)
    });
    let time = text.split(':').count() >= 2 && text.len() <= 8 && text.bytes().all(|b| b.is_ascii_digit() || b == b':');
    let file = FILES.iter().any(|end| text.ends_with(end) && text.len() > end.len());
    mail || web || phone || labelled || time || file || (digits == 0 && !text.chars().any(char::is_alphanumeric))
}

const FILES: &[&str] = &[
    ".zip", ".7z", ".rar", ".lzh", ".pdf", ".xls", ".xlsx", ".xlsm", ".doc", ".docx", ".ppt", ".pptx", ".csv", ".txt",
    ".jpg", ".png", ".exe", ".jtd",
];

/// The day of sending as passwords are made of it: in the form that the line names, then in the usual ones.
pub(super) fn dates(line: &[char], date: MailDate) -> Vec<String> {
    let local = date.unix_seconds().saturating_add(i64::from(date.offset_minutes()).saturating_mul(60));
    let Some((year, month, day)) = form::civil::date(local.div_euclid(86_400)) else { return Vec::new() };
    let short = year.rem_euclid(100);
    let eight = format!("{year:04}{month:02}{day:02}");
    let six = format!("{short:02}{month:02}{day:02}");
    let four = format!("{month:02}{day:02}");
    let text: String = folded(line).into_iter().collect();
    let mut all = vec![
        eight.clone(),
        four.clone(),
        six.clone(),
        format!("{year:04}/{month:02}/{day:02}"),
        format!("{year:04}-{month:02}-{day:02}"),
    ];
    for (sign, form) in [
        ("8", &eight),
        ("yyyymmdd", &eight),
        ("6", &six),
        ("yymmdd", &six),
        ("4", &four),
        ("四", &four),
        ("mmdd", &four),
        ("八", &eight),
        ("六", &six),
    ] {
        if text.contains(sign) {
            all.insert(0, form.clone());
            break;
        }
    }
    all.dedup();
    all
}
