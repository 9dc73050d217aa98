//! Mails as they come, and generated ones whose wordings nobody looked at when the words in the data file were chosen.

use form::mail::MailDate;

use super::*;

#[path = "../../../../tests/support/mixed_mails.rs"]
mod mixed_mails;
#[path = "../../../../tests/support/password_mails.rs"]
mod password_mails;

/// 2026-11-21 09:12 in Japan.
const NOW: i64 = 1_795_219_920;

fn found(subject: &str, text: &str) -> Vec<String> {
    let date = MailDate::new(NOW, 540);
    let found = of_mail(&Wording::default(), subject, text, date);
    found.iter().map(|password| password.reveal().to_owned()).collect()
}

/// Subject, text, password.
const TOLD: &[(&str, &str, &str)] = &[
    (
        "パスワードのお知らせ",
        "お世話になっております。\n先ほどお送りしたファイルのパスワードです。\n\nパスワード：Kx7#pQ2m\n\n以上、よろしくお願いいたします。",
        "Kx7#pQ2m",
    ),
    ("【PW】見積書", "先ほどの添付ファイルのPWは下記の通りです。\n\nab12cd34\n\nよろしくお願いします。", "ab12cd34"),
    ("Re: 資料送付の件", "解凍パスワードは「Tokyo2026」になります。", "Tokyo2026"),
    ("解凍PW", "解凍PW → s3cr3t!", "s3cr3t!"),
    ("パスワード通知", "■パスワード\n　qwE9rt$Y\n", "qwE9rt$Y"),
    ("添付ファイルのパスワード", "ファイル名　：請求書.zip\nパスワード　：8hD2-kQ9x\n送信者　　　：山田", "8hD2-kQ9x"),
    ("（パスワード）契約書案", "展開用のパスワードは、a1b2c3d4 です。", "a1b2c3d4"),
    ("password", "Password: hunter2\n", "hunter2"),
    ("Your file", "The password for the attachment I sent earlier is Zt81-xx.\nRegards,\nKen", "Zt81-xx"),
    (
        "RE: Contract",
        "Hi,\n\nPlease use the following password to open the file.\n\n  Blue.Whale77\n\nBest regards",
        "Blue.Whale77",
    ),
    ("pw", "1234", "1234"),
    (
        "自動送信：添付ファイルパスワード通知",
        "本メールはシステムより自動送信しています。\n----------------------------------------\n件名：見積の件\n宛先：suzuki@city.example.lg.jp\nパスワード：N%3fk=Wa\n----------------------------------------",
        "N%3fk=Wa",
    ),
    ("パスワード", "ＰＷ：Ａｂｃ１２３４", "Abc1234"),
    ("【パスワード】名簿の送付", "パスワードは次のとおりです。\n\n【x9Y8z7W6】\n", "x9Y8z7W6"),
    ("パスは以下です", "パスは以下です。\n\n>> mNb456vc\n", "mNb456vc"),
    ("先ほどの件", "添付のパスワードを失念しておりました。\n「hanako-0401」でお開きください。", "hanako-0401"),
    ("ファイルの開き方", "Excelの読み取りパスワード\n⇒　H7j6k5L4", "H7j6k5L4"),
    (
        "ご連絡",
        "zipのパスワードをお送りします。\n\n   *****************\n   R4t5Y6u7\n   *****************\n",
        "R4t5Y6u7",
    ),
    ("パスワード送付", "お世話になります。\n解凍キーをご連絡いたします。\n解凍キー = 0987poiu\n", "0987poiu"),
    ("暗証番号について", "暗証番号は 4649 です。", "4649"),
    ("FW: pass", "pass:yokohama045\n", "yokohama045"),
    ("添付資料のパスワード", "添付資料（zip形式）を開く際のパスワードは\nfuku0ka92\nです。", "fuku0ka92"),
    ("【再送】パスワード", "パスワード（半角英数字）：Qa2Ws3Ed", "Qa2Ws3Ed"),
    ("【再送】パスワード", "パスワード(半角英数8桁)は以下になります。\n　→ Rf4Tg5Yh", "Rf4Tg5Yh"),
    ("会議資料", "会議資料のパスワードは本日の日付（8桁）です。", "20261121"),
    ("会議資料", "パスワードは送信日の月日4桁となります。", "1121"),
    ("invoice", "The zip password is today's date (yyyymmdd).", "20261121"),
    ("パスワードのご連絡", "パスワードは本日の日付6桁（yymmdd）でお願いします。", "261121"),
    ("資料", "復号キー\n\n    7f3a9c\n", "7f3a9c"),
    ("開封パスワード", "開封パスワード：『sakura#2026』", "sakura#2026"),
    (
        "お世話になっております",
        "先程お送りしましたメールの添付ファイルのパスワードは、\n\n　　　Ym-2211\n\nとなっております。お手数ですがご確認をお願いいたします。\n\n--\n株式会社サンプル\n東京都千代田区1-2-3\nTEL 03-1234-5678\nhttps://www.example.co.jp/",
        "Ym-2211",
    ),
    ("Passwort / password", "passwd=foo_bar1", "foo_bar1"),
    ("P/W", "P/W: 55aa66bb", "55aa66bb"),
    ("パスコード", "パスコードは【ZZ-99-xx】でございます。", "ZZ-99-xx"),
    ("合言葉", "開封の合言葉は「ひまわり」です。", "ひまわり"),
    ("閲覧用パスワード", "閲覧用パスワード　　Uu7Ii8Oo\n編集用パスワード　　Pp9Aa0Ss", "Uu7Ii8Oo"),
    ("閲覧用パスワード", "閲覧用パスワード　　Uu7Ii8Oo\n編集用パスワード　　Pp9Aa0Ss", "Pp9Aa0Ss"),
    (
        "2ファイルのパスワード",
        "パスワードは以下の通りです。\n見積書.zip　：mit-001\n仕様書.zip　：shi-002\n",
        "mit-001",
    ),
    (
        "2ファイルのパスワード",
        "パスワードは以下の通りです。\n見積書.zip　：mit-001\n仕様書.zip　：shi-002\n",
        "shi-002",
    ),
    ("password for docs", "pw - Ab!9Cd", "Ab!9Cd"),
    ("Secure document", "Here's the passphrase: correct horse battery staple", "correct horse battery staple"),
    ("Secure document", "Passphrase\n\ncorrect-horse-battery-staple\n", "correct-horse-battery-staple"),
    ("資料のパスワード", "> 資料を送ります。\n> パスワードは別途お送りします。\n\nW3e4R5t6", "W3e4R5t6"),
    (
        "Re: パスワードを教えてください",
        "失礼しました。こちらです。\n\nkokusai_55\n\n> パスワードが届いていません。",
        "kokusai_55",
    ),
    ("Re: 資料", "9sd8f7g6", "9sd8f7g6"),
    (
        "パスワードの件",
        "ZIP解凍用のパスワードは、弊社の電話番号下4桁+abcではなく「5678abc」でお願いします。",
        "5678abc",
    ),
    (
        "パスワードお知らせ",
        "ファイルを開くためのパスワードをお知らせします。\n┏━━━━━━━━━┓\n　2wsxZAQ!\n┗━━━━━━━━━┛",
        "2wsxZAQ!",
    ),
    ("Access", "Unlock code: 771-003-X", "771-003-X"),
    ("password is below", "password is below\n\nTUESDAY14\n\nthanks", "TUESDAY14"),
    ("ﾊﾟｽﾜｰﾄﾞ", "ﾊﾟｽﾜｰﾄﾞ:kana88", "kana88"),
    ("データ送付", "データのPASSは、\"Ggh-778\" です（ハイフンを含みます）。", "Ggh-778"),
    ("パスワード", "PASS： Osaka@2025\n", "Osaka@2025"),
    ("添付パスワード", "添付ファイルの解凍パスワード：\n　　　Pw%100\n　※半角です", "Pw%100"),
    ("【自動通知】", "Password : 3Qk.8Lm,2\n", "3Qk.8Lm,2"),
    ("【自動通知】", "以下のパスワードで解凍して下さい。\nPassword=[Az3+Bx4]", "Az3+Bx4"),
    ("資料", "パスワードですが、kenshu2026（すべて小文字）です。", "kenshu2026"),
    ("資料", "見積の解凍パスは、いつものではなく mitsu-9 です", "mitsu-9"),
    ("open", "Pwd for the sheet: 0O0-l1l", "0O0-l1l"),
    ("open", "I forgot to mention: the file opens with \"Fuji3776\" as the password.", "Fuji3776"),
    ("件名なし", "開くときのパスワードは abcDEF123456 を入力してください。", "abcDEF123456"),
    ("パスワード連絡", "＜パスワード＞\nTk_9182\n", "Tk_9182"),
    ("パスワード連絡", "《パスワード》　Tk_9183", "Tk_9183"),
    ("パスワード連絡", "1. パスワード　Tk_9184\n2. 有効期限　なし", "Tk_9184"),
    ("パスワード連絡", "パスワード；Tk-9185", "Tk-9185"),
    ("パスワード連絡", "Tk-9186 が解凍パスワードとなります。", "Tk-9186"),
    ("パスワード連絡", "パスワード\t\tTk-9187", "Tk-9187"),
];

#[test]
fn passwords_are_found_as_people_write_them() {
    let missed: Vec<_> = TOLD
        .iter()
        .map(|(subject, text, password)| (found(subject, text), text, password))
        .filter(|(found, _, password)| !found.iter().any(|one| one == **password))
        .collect();
    assert!(TOLD.len() >= 60, "{}", TOLD.len());
    assert!(missed.is_empty(), "{} missed: {missed:#?}", missed.len());
}

#[test]
fn the_password_stands_before_the_rest_of_the_mail() {
    for (subject, text, password) in TOLD {
        let at = found(subject, text).iter().position(|one| one == password);
        assert!(at.is_some_and(|at| at < 8), "{text}: {at:?} of {:?}", found(subject, text));
    }
}

#[test]
fn mails_without_a_password_bring_few_candidates_and_most_bring_none() {
    for (subject, text) in [
        (
            "会議のお知らせ",
            "11月25日 14:00から第2会議室で行います。\n資料は後ほどお送りします。\n\n株式会社サンプル 山田\nTEL 03-1234-5678\nyamada@example.co.jp",
        ),
        (
            "請求書送付",
            "請求書を添付いたします。ご査収ください。\nhttps://www.example.co.jp/invoice?id=12345\n〒100-0001 東京都千代田区千代田1-1\n本文が続きます。\n以上です。",
        ),
        ("Lunch", "Shall we meet at noon?\nThe place is the usual one.\nSee you,\nKen\nPhone: +81-3-1234-5678"),
        ("パスワードは別途お送りします", "パスワードは別途お送りします。"),
        ("パスワードについて", "パスワードは後ほど電話でお知らせします。"),
    ] {
        assert_eq!(found(subject, text), Vec::<String>::new(), "{subject}");
    }
}

#[test]
fn contacts_are_no_candidates() {
    let text = "パスワード\nyamada@example.co.jp\nhttps://example.co.jp/reset?token=abc123\n03-1234-5678\nTEL:03-1234-5678\n14:30\n見積書2026.zip\nsheet1.xlsx\n";
    assert_eq!(found("パスワード", text), Vec::<String>::new());
}

#[test]
fn candidates_lines_and_letters_are_bounded() {
    let many: String = (0..5_000).map(|n| format!("パスワード：abc{n}xyz\n")).collect();
    assert_eq!(found("", &many).len(), MAX_CANDIDATES);
    let long = format!("パスワード：{}", "a1".repeat(500_000));
    assert!(found("", &long).iter().all(|one| one.chars().count() <= 128));
    for hostile in [
        "「".repeat(200_000),
        "パスワード".repeat(50_000),
        "a:".repeat(300_000),
        "\u{3000}\n".repeat(300_000),
        format!("{}\n", "復号鍵".repeat(333)).repeat(2_000),
        format!("{}\n", "pw:".repeat(333)).repeat(2_000),
    ] {
        let started = std::time::Instant::now();
        found("パスワード", &hostile);
        assert!(started.elapsed() < std::time::Duration::from_secs(5), "{}", hostile.len());
    }
}

#[test]
fn a_site_adds_words_of_its_own() {
    let text = "開けゴマは abc-123 です。\n一\n二\n三\n四";
    assert!(found("", text).is_empty());
    let wording = Wording::with(&["開けゴマ".to_owned()]);
    let told = of_mail(&wording, "", text, None);
    assert_eq!(told.first().map(|password| password.reveal().to_owned()), Some("abc-123".to_owned()));
}

#[test]
fn the_day_is_that_of_the_writer() {
    // 2026-11-20T23:30Z is the 21st in Japan.
    for (seconds, offset, expected) in
        [(1_795_217_400, 540, "20261121"), (1_795_217_400, 0, "20261120"), (951_782_400, 0, "20000229")]
    {
        let date = MailDate::new(seconds, offset);
        let told = of_mail(&Wording::default(), "", "パスワードは送信日8桁です。", date);
        assert!(told.iter().any(|password| password.reveal() == expected), "{expected}");
    }
}

#[test]
fn nine_in_ten_generated_pairs_need_no_human() {
    let mails = password_mails::generate(500, 20_261_121);
    let missed: Vec<_> = mails
        .iter()
        .filter(|mail| !found(&mail.subject, &mail.text).contains(&mail.password))
        .map(|mail| (&mail.subject, &mail.text, &mail.password))
        .collect();
    println!("{} of {} found", mails.len() - missed.len(), mails.len());
    assert!(
        missed.len() * 10 <= mails.len(),
        "{} of {} missed, such as {:#?}",
        missed.len(),
        mails.len(),
        &missed[..3.min(missed.len())]
    );
}

/// The same among answers, forwarded mails and mails of colleagues; what comes of who sends what to whom is tested with a gateway.
#[test]
fn nine_in_ten_of_mixed_pairs_need_no_human() {
    let (pairs, _) = mixed_mails::mixed(600, 1_234);
    let mut by_way = std::collections::BTreeMap::<String, (usize, usize)>::new();
    for pair in &pairs {
        let count = by_way.entry(format!("{:?}", pair.way)).or_default();
        let is_found = found(&pair.told.subject, &pair.told.text).contains(&pair.told.password);
        *count = (count.0 + usize::from(is_found), count.1 + 1);
    }
    println!("{by_way:?}");
    assert_eq!(by_way.len(), 5, "{by_way:?}");
    for (way, (found, of)) in by_way {
        assert!(found * 10 >= of * 9, "{way}: {found} of {of}");
    }
}
