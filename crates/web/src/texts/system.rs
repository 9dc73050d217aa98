//! The state of the installation, its licences, and the systems it tells of events.

macro_rules! system {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! {
            [$($rest)*] $($before)*

            // Webhooks
            nav_webhooks: "連携" / "Webhooks";
            webhooks_title: "ほかのシステムへの通知（Webhook）" / "Webhooks";
            webhooks_lead: "できごとを、署名を付けて次のシステムへ知らせています。受け取られるまで、24時間くり返し送ります。" / "These systems are told of events, signed. Each event is sent until it is taken, for 24 hours.";
            webhooks_none: "通知先は設定されていません。設定ファイルの [[webhooks]] に書くと使えます。" / "None is configured. They are written as [[webhooks]] in the configuration file.";
            webhooks_target: "送り先" / "Address";
            webhooks_events: "知らせるできごと" / "Events";
            webhooks_waiting: "送信待ち" / "Waiting";
            webhooks_last: "最後に受け取られた時刻" / "Last taken";
            webhooks_deliveries: "最近の通知" / "Recent events";
            webhooks_number: "番号" / "Number";
            webhooks_event: "できごと" / "Event";
            webhooks_tries: "送信回数" / "Tries";
            webhooks_answer: "応答" / "Answer";
            webhooks_next: "次に送る時刻" / "Next try";
            webhooks_again: "もう一度送る" / "Send again";
            webhook_waiting: "送信待ち" / "Waiting";
            webhook_taken: "受け取られました" / "Taken";
            webhook_given_up: "送るのをやめました" / "Given up";

            // State of the installation
            nav_system: "システム" / "System";
            system_version: "版" / "Version";
            system_database: "データベースの大きさ" / "Size of the database";
            system_files: "ファイルの大きさ" / "Size of the files";
            doctor_clock: "時計" / "Clock";
            doctor_fonts: "日本語のフォント" / "Japanese fonts";
            doctor_libreoffice: "LibreOffice（古い形式の変換と印刷）" / "LibreOffice (older formats, printing)";
            system_licences: "使用しているソフトウェアのライセンス" / "Licences of the software in use";
            system_licences_lead: "このプログラムに含まれる、ほかの人が作ったものの一覧です。ライセンスの全文は、それぞれの公開元にあります。" / "What in this program others have made. The texts of the licences are where each is published.";
            system_licence: "ライセンス" / "Licence";
            system_source: "公開元" / "Published at";
            system_audit_key: "監査ログの署名の公開鍵（Ed25519）" / "Public key of signed audit exports (Ed25519)";
            system_doctor: "総点検" / "Full examination";
            system_doctor_lead: "misogi doctor と同じ点検です。変換環境の隔離を実際に攻撃して確かめます。" / "The same as `misogi doctor`: the walls of the rooms are attacked to see whether they hold.";
            system_examine: "いま点検する" / "Examine now";
            system_examine_hint: "数秒から数十秒かかります。点検したことは監査ログに残ります。" / "It takes seconds, up to half a minute, and is written into the audit log.";
            doctor_not_told: "詳しいことは、ゲートウェイの運用者が見られます。" / "Whoever runs the gateway sees the detail.";
            doctor_configuration: "設定に使えない値があります。このままでは、次に起動するときに止まります。" / "The configuration has a value that cannot be used. The next start would fail.";
            doctor_rooms: "変換環境の隔離が、設定で求めた強さに足りません。このままでは、次に起動するときに止まります。" / "The walls of the rooms are weaker than the configuration asks for. The next start would fail.";
            doctor_passwords: "取引先のパスワードを書いた設定ファイルを、ほかの利用者も読めます。所有者だけが読めるようにしてください。" / "Others can read the configuration file with partners' passwords in it. Let only its owner read it.";
            doctor_requests: "承認された原本を、この管理画面から渡す設定です。管理画面には、インターネット系の端末だけが接続できるようにしてください。" / "Approved originals are handed over on this console. Nobody but the internet side may reach it.";
            doctor_store: "保管場所を読めません。空き、権限、データベースを確かめてください。" / "The store cannot be read. Check space, permissions and the database.";
            doctor_accounts: "応答がないか、設定が合いません。そのアカウントの利用者はサインインできません。このゲートウェイのアカウントの利用者はサインインできます。" / "There is no answer, or the settings do not match. Its users cannot sign in; those with accounts of the gateway can.";
            doctor_webhooks: "つながらない送り先があります。できごとは、24時間くり返し送ります。" / "A system cannot be reached. Its events are tried again for 24 hours.";
            doctor_icap: "ほかの機械から接続できない待ち受けか、暗号化していない接続です。プロキシーとの間に、ほかの機器がないことを確かめてください。" / "Other machines cannot reach the listener, or connections are not encrypted. Make sure that nothing else is between gateway and proxy.";
            doctor_clock_wrong: "時計が合っていません。受付番号と保存期間が狂います。" / "The clock is wrong. Receipts and retention depend on it.";
            doctor_no_fonts: "日本語のフォントがありません。フォントを持たない PDF の文字が欠けます。" / "There is no Japanese font. Text of PDFs that carry no fonts will be missing.";
            doctor_no_libreoffice: "LibreOffice が使えません。作り直せない形式のファイルは渡されず、Office 文書のページも見られません。" / "LibreOffice cannot be used. Files of formats that need it are withheld, and Office documents have no pages to look at.";
            doctor_libreoffice_walls: "LibreOffice は動きますが、この機械では隔離に欠けたところがあります。" / "LibreOffice works, but on this machine some of its walls are missing.";
            doctor_failed: "点検できませんでした。" / "It could not be examined.";
            system_examined: "点検した時刻" / "Examined";
        }
    };
}
