//! Generated password mails: openings, ways to tell, closings, signatures and passwords, drawn independently of each other. The ways to
//! tell were collected from the habit of writing such mails, not from the words that the gateway knows.

#![allow(dead_code, reason = "each test uses its own part of this")]

/// A mail and the password that it tells.
pub struct PasswordMail {
    pub subject: String,
    pub text: String,
    pub password: String,
}

/// The same seed gives the same mails.
pub fn generate(count: usize, seed: u64) -> Vec<PasswordMail> {
    let mut dice = Dice::new(seed);
    (0..count).map(|number| one(&mut dice, number)).collect()
}

pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed | 1)
    }

    /// xorshift64*.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).expect("31 bits") % sides
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.roll(choices.len())]
    }

    fn text(&mut self, letters: &str, length: usize) -> String {
        let letters: Vec<char> = letters.chars().collect();
        (0..length).map(|_| letters[self.roll(letters.len())]).collect()
    }
}

fn password(dice: &mut Dice) -> String {
    const LETTERS: &str = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    const SIGNS: &str = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789!#$%&+-=?@_";
    let words = ["sakura", "tokyo", "Kikaku", "soumu", "Zaisei", "mizuho", "NAGANO", "himitsu"];
    match dice.roll(8) {
        0 | 1 => {
            let length = 8 + dice.roll(5);
            dice.text(LETTERS, length)
        }
        2 => format!("{}{}", dice.text(LETTERS, 4), dice.text(SIGNS, 6)),
        3 => dice.text("0123456789", 4),
        4 => dice.text("0123456789", 8),
        5 => format!("{}{}", dice.of(&words), dice.text("0123456789", 4)),
        6 => format!("{}-{}-{}", dice.text(LETTERS, 4), dice.text(LETTERS, 4), dice.text(LETTERS, 4)),
        _ => format!("{}{}{}", dice.of(&words), dice.of(&["#", "!", "@", "_"]), dice.text("0123456789", 3)),
    }
}

const SUBJECTS: &[&str] = &[
    "パスワード送付",
    "【パスワード】議事録の送付",
    "Re: 資料の件",
    "添付ファイルのパスワードについて",
    "パスワード(見積書)",
    "先ほどのメールの件",
    "FW: 契約書ドラフト",
    "password",
    "Password for the file",
    "解凍用PWのご連絡",
    "【自動配信】暗号化ファイルの開封情報",
    "2通目",
    "ご連絡（2/2）",
    "RE: RE: 名簿",
    "開封用パスワード",
];

const OPENINGS: &[&str] = &[
    "お世話になっております。\n株式会社みほんの佐藤です。\n\n",
    "いつも大変お世話になっております。○○株式会社の鈴木でございます。\n\n",
    "○○市役所\n総務課　御中\n\n",
    "各位\n\n",
    "先ほどは資料をお送りいたしました。\n\n",
    "お疲れさまです。\n",
    "",
    "Dear all,\n\n",
    "Hello,\n",
    "このメールはシステムより自動で送信されています。返信はできません。\n\n",
];

/// `{}` is the password.
const WAYS: &[&str] = &[
    "パスワード：{}\n",
    "パスワード: {}\n",
    "【パスワード】{}\n",
    "【パスワード】\n{}\n",
    "パスワードは {} です。\n",
    "パスワードは「{}」です。\n",
    "パスワードは、{}　になります。\n",
    "添付ファイルを開くパスワードをお送りします。\n\n{}\n",
    "先ほどの添付ファイルの解凍パスワードは下記のとおりです。\n\n　　{}\n\n",
    "PW: {}\n",
    "ＰＷ：{}\n",
    "PASS→{}\n",
    "Pass : {}\n",
    "Password: {}\n",
    "The password is {}\n",
    "The password to the attached archive is \"{}\".\n",
    "Please find the password below:\n\n{}\n\n",
    "Use this password to open the file: {}\n",
    "解凍PWは以下になります。\n-----\n{}\n-----\n",
    "開封の際は次のパスワードをご入力ください。\n『{}』\n",
    "◆解凍パスワード◆\n　{}\n",
    "●ファイル名：資料一式.zip\n●パスワード：{}\n●有効期限：7日間\n",
    "| ファイル | 資料.zip |\n| パスワード | {} |\n",
    "ZIPファイルのパスワードですが、{} でお願いいたします。\n",
    "パスワード（大文字小文字の区別あり）\n⇒ {}\n",
    "パスワードを送り忘れておりました。\n{}\nです。失礼いたしました。\n",
    "「{}」がパスワードになります。\n",
    "{} ←パスワードです\n",
    "展開するときは {} と入力してください（パスワード）。\n",
    "別メールでお送りした書類のパスワード\n\n\n{}\n\n\n",
    "パスワード　{}\n",
    "パスワード＝{}\n",
    "=== PASSWORD ===\n{}\n================\n",
    "pw は {} だよ\n",
    "解除パスワード　＞＞　{}\n",
    "暗号化zipのパスは{}です。\n",
    "ID：不要\nPW：{}\n",
    "復号用パスフレーズ：\n\t{}\n",
    "<パスワード>\n{}\n</パスワード>\n",
    "パスワード：（半角）{}\n",
    "添付のロックは {} で外れます。パスワードの取り扱いにご注意ください。\n",
    "Kindly note the passcode for opening: {}\n",
    "pwd={}\n",
];

const CLOSINGS: &[&str] = &[
    "\n以上、よろしくお願いいたします。\n",
    "\nご確認のほど、よろしくお願い申し上げます。\n",
    "\nご不明な点がございましたら、お問い合わせください。\n",
    "",
    "\nBest regards,\n",
    "\n※パスワードは半角英数字です。コピーの際は前後の空白にご注意ください。\n",
    "\n本メールに心当たりのない場合は破棄してください。\n",
];

const SIGNATURES: &[&str] = &[
    "",
    "--\n佐藤 花子\nsato@partner.example.co.jp\n",
    "━━━━━━━━━━━━━━━\n株式会社みほん　営業部\n〒100-0001 東京都千代田区千代田1-1\nTEL 03-1234-5678 / FAX 03-1234-5679\nhttps://www.example.co.jp/\n━━━━━━━━━━━━━━━\n",
    "***************\nKen Suzuki\nMobile: 090-1234-5678\nken@example.com\n***************\n",
    "\n> -----Original Message-----\n> 資料を送付いたします。\n> ファイル：資料2026.zip\n> 件数：128件（11月21日 10:30現在）\n",
];

/// The one of this number.
pub fn one(dice: &mut Dice, number: usize) -> PasswordMail {
    let password = password(dice);
    let shown = if dice.roll(20) == 0 { full_width(&password) } else { password.clone() };
    let way = WAYS[(number + dice.roll(3)) % WAYS.len()].replace("{}", &shown);
    let text = format!("{}{}{}{}", dice.of(OPENINGS), way, dice.of(CLOSINGS), dice.of(SIGNATURES));
    PasswordMail { subject: dice.of(SUBJECTS).to_owned(), text, password }
}

fn full_width(text: &str) -> String {
    let wide = |c: char| char::from_u32(u32::from(c) + 0xFEE0).unwrap_or(c);
    text.chars().map(|c| if c.is_ascii_graphic() { wide(c) } else { c }).collect()
}
