//! Every sentence of the pages, in Japanese and English. Sentences about reasons come from `engine::catalogue`.

use engine::catalogue::Language;

/// Makes the struct and both languages from one list, so that no text can be missing in one of them.
macro_rules! texts {
    ($($key:ident: $ja:literal / $en:literal;)*) => {
        /// The fixed texts of one language.
        #[derive(Debug)]
        pub(crate) struct Texts { $(pub(crate) $key: &'static str,)* }

        static JA: Texts = Texts { $($key: $ja,)* };
        static EN: Texts = Texts { $($key: $en,)* };

        #[cfg(test)]
        static PAIRS: &[(&str, &str, &str)] = &[$((stringify!($key), $ja, $en),)*];
    };
}

/// The texts of a language.
pub(crate) fn texts(language: Language) -> &'static Texts {
    match language {
        Language::Ja => &JA,
        Language::En => &EN,
    }
}

texts! {
    // Frame
    portal: "ファイル無害化" / "File sanitising";
    console: "無害化 管理" / "Sanitising console";
    skip: "本文へ移動" / "Skip to content";
    other_language: "English" / "日本語";
    other_tag: "en" / "ja";
    navigation: "メニュー" / "Menu";
    page_of_service: "無害化ゲートウェイ Misogi" / "Misogi sanitising gateway";

    // Upload
    upload_title: "ファイルを無害化する" / "Sanitise files";
    upload_lead: "外部から受け取ったファイルを、安全な形に作り直してお渡しします。" / "Files received from outside are rebuilt from scratch and given back to you.";
    upload_field: "無害化するファイル" / "Files to sanitise";
    upload_drop: "ここにファイルをドラッグ＆ドロップすることもできます。" / "You can also drop files here.";
    upload_drop_whole: "ドラッグ＆ドロップの範囲をこのブラウザウィンドウ全体に広げる" / "Take files that are dropped anywhere in this window";
    upload_submit: "無害化する" / "Sanitise";
    upload_sending: "送信しています…" / "Sending…";
    upload_waiting: "接続が戻るのを待っています…" / "Waiting for the connection…";
    upload_chosen: "選択したファイル" / "Chosen files";
    upload_remove: "取り消す" / "Remove";
    upload_choose: "ファイルを選択" / "Choose files";
    upload_check_large: "1ファイルの上限を超えています。送っても受け付けません。" / "Larger than the limit for one file; it will not be accepted.";
    upload_check_many: "1回に送れるファイルの数を超えています。送っても受け付けません。" / "More files than can be taken at once; it will not be accepted.";
    upload_check_total: "合計の上限を超えています。送っても受け付けません。" / "The total limit is exceeded; it will not be accepted.";
    upload_formats: "使える形式" / "File types that can be rebuilt";
    upload_formats_list: "文書と表: Word・Excel・PowerPoint（docx、xlsx、pptx。doc、xls、ppt、xlsb、マクロ付きも）、OpenDocument（odt、ods、odp、odg）、RTF、SYLK、DIF、一太郎（文字だけ）、PDF、テキスト、HTML・XML（文字だけ）、CSV、TSV、dBASE。画像: PNG、JPEG、GIF、BMP、TIFF、WebP、HEIC、SVG、EMF、WMF。メールと予定: EML、Outlook のメール（msg、TNEF）、ics、vcf。まとめたもの: ZIP、7z、RAR、LZH、CAB、TAR、ISO、gz、bz2、xz、zst、署名付きファイル（p7m）、AppleSingle、BinHex（中のファイルも一つずつ作り直します）。" / "Documents and tables: Word, Excel and PowerPoint (docx, xlsx, pptx; also doc, xls, ppt, xlsb and those with macros), OpenDocument (odt, ods, odp, odg), RTF, SYLK, DIF, Ichitaro (its words), PDF, text, HTML and XML (their words), CSV, TSV, dBASE. Pictures: PNG, JPEG, GIF, BMP, TIFF, WebP, HEIC, SVG, EMF, WMF. Mails and appointments: EML, Outlook messages (msg, TNEF), ics, vcf. Archives: ZIP, 7z, RAR, LZH, CAB, TAR, ISO, gz, bz2, xz, zst, signed files (p7m), AppleSingle, BinHex; their members are rebuilt one by one.";
    upload_formats_rest: "それ以外の形式は、安全に作り直せないため、お渡しせずに情報システム担当が預かります。" / "Any other type cannot be rebuilt safely. It is withheld and kept by the administrators.";
    upload_what_happens: "どのように安全にするか" / "How files are made safe";
    upload_what_happens_text: "ファイルを隔離された場所で読み取り、文字や画像だけを取り出して、新しいファイルとして書き直します。原本の中身をそのまま渡すことはありません。取り除いたものと変えたものは、結果の画面ですべてお知らせします。" / "Each file is read in an isolated room, only its text and pixels are taken over, and a new file is written. No byte of the original is passed on. Everything removed or changed is listed with the result.";
    upload_none: "ファイルが選択されていません。ファイルを選んでから「無害化する」を押してください。" / "No file was chosen. Choose at least one file, then press “Sanitise”.";
    upload_too_large: "1ファイルの上限を超えているため、受け付けませんでした。" / "Not accepted: larger than the limit for one file.";
    upload_too_many: "1回に受け付けるファイルの数を超えたため、受け付けませんでした。" / "Not accepted: more files than can be taken at once.";
    upload_total: "合計の上限を超えたため、受け付けませんでした。" / "Not accepted: the total limit was reached.";
    upload_broken: "送信の途中で途切れたため、受け付けませんでした。もう一度送ってください。" / "Not accepted: the transfer broke off. Please send it again.";
    upload_not_stored: "保存できなかったため、受け付けませんでした。しばらくしてからもう一度送ってください。" / "Not accepted: it could not be stored. Please try again later.";
    upload_empty: "空のファイルです（0バイト）。" / "The file is empty (0 bytes).";
    upload_rest: "送られた内容を読み取れなかったため、受け付けませんでした。もう一度送ってください。" / "Not accepted: what was sent could not be read. Please send it again.";
    upload_rest_name: "このあとに送られたファイル" / "Any files behind these";
    upload_refused_title: "一部のファイルを受け付けられませんでした" / "Some files were not accepted";
    upload_refused_all_title: "ファイルを受け付けられませんでした" / "No file was accepted";
    upload_refused_lead: "次のファイルは受け付けていません。ほかのファイルの処理は続いています。" / "The following files were not accepted. The others are being processed.";
    upload_see_result: "受け付けたファイルの結果を見る" / "See the accepted files";
    upload_again: "続けて別のファイルを無害化する" / "Sanitise more files";

    output_title: "出力" / "Output";
    output_same: "できるだけ元の形式" / "As close to the original as possible";
    output_pages: "ページ（Office文書をPDFに）" / "Pages (Office documents as PDF)";
    output_raster: "ページの画像" / "Pages as images";
    output_text: "文字だけ（ほかの方法で渡せないとき）" / "The words only, where nothing else passes";
    output_again: "別の形式で作り直す" / "Rebuild it in another form";
    output_again_do: "作り直す" / "Rebuild";

    // Result
    result_title: "無害化の結果" / "Result";
    receipt: "受付番号" / "Receipt";
    received_at: "受付" / "Received";
    expires_at: "ダウンロード期限" / "Available until";
    result_keep: "この画面のアドレスを知っている人だけが、結果を見て、ファイルを受け取ることができます。" / "Only those who know the address of this page can see the result and fetch the files.";
    result_keep_own: "この画面を見て、ファイルを受け取ることができるのは、送ったあなただけです。" / "Only you, who sent them, can see this page and fetch the files.";
    result_pending: "画面を閉じても処理は続きます。このアドレスを開けば、あとから結果を確認できます。" / "You may close this page; processing goes on. Open this address again to see the result.";
    result_refresh: "最新の状態を表示する" / "Show the latest state";
    result_files: "ファイル" / "Files";
    result_download: "ダウンロード" / "Download";
    result_download_of: "安全なファイルをダウンロード" / "Download the safe file";
    result_all: "安全なファイルをまとめてダウンロード（ZIP）" / "Download all safe files (ZIP)";
    result_cancel: "中止" / "Cancel";
    result_findings: "取り除いたもの・変えたもの" / "Removed or changed";
    result_no_findings: "取り除いたものはありません。中身を読み取り、新しいファイルとして作り直しました。" / "Nothing was removed. The content was read and written as a new file.";
    result_withheld_why: "お渡しできない理由" / "Why it is withheld";
    result_original_gone: "原本は削除されたか、保存期間が過ぎました。必要な場合は、差出人に送り直しを頼んでください。" / "The original was deleted or its storage period is over. If you need it, ask the sender to send it again.";
    result_withheld_next: "原本は情報システム担当が預かっています。必要な場合は、受付番号を添えて情報システム担当に連絡してください。" / "The original is kept by the administrators. If you need it, contact your IT section with the receipt number.";
    upload_lock: "開くにはパスワードが必要です" / "A password is needed to open it";
    upload_lock_lead: "別に届いたパスワードを貼り付けてください。開けたときは、作り直したファイルをこの画面でお渡しします。パスワードは保存せず、記録にも残しません。" / "Paste the password that came separately. The rebuilt file is then given to you on this page. The password is neither stored nor logged.";
    upload_lock_exhausted: "パスワードを入力できる回数を使い切りました。ファイルをもう一度送ると、あらためて入力できます。" / "No tries are left for the password. Send the file again to try again.";
    result_members: "中に入っていたファイル" / "Files inside";
    result_expired: "保存期間が過ぎたため、ダウンロードできません。" / "The storage period is over; it can no longer be downloaded.";
    result_technical: "技術情報" / "Technical details";
    result_type: "中身から判定した形式" / "Type found by content";
    result_sizes: "大きさ（元 → 作り直したもの）" / "Size (original → rebuilt)";
    result_time: "処理時間" / "Processing time";
    result_gone_title: "結果が見つかりません" / "No such result";
    result_gone: "アドレスが正しくないか、保存期間が過ぎています。" / "The address is wrong or the storage period is over.";

    // Pages
    pages_title: "安全なファイルのページ" / "Pages of the safe file";
    pages_lead: "作り直したファイルを画像で表示しています。" / "The rebuilt file, shown as pictures.";
    pages_navigation: "ページの移動" / "Pages";
    pages_previous: "前のページ" / "Previous page";
    pages_next: "次のページ" / "Next page";
    pages_back: "結果の画面へ戻る" / "Back to the result";
    pages_none: "画像で表示できません。理由: " / "It cannot be shown as a picture: ";
    preview_none: "表示できません" / "Cannot be shown";
    preview_busy: "混み合っています" / "Busy";

    // States
    state_queued: "順番を待っています" / "Waiting";
    state_working: "作り直しています" / "Being rebuilt";
    state_retrying: "もう一度試しています" / "Being tried again";
    state_done: "完了" / "Done";
    state_changed: "完了（一部を除去・変更）" / "Done (parts removed or changed)";
    state_partly: "完了（一部を管理者が保管）" / "Done (parts withheld)";
    state_withheld: "お渡しできません（管理者が保管）" / "Withheld (kept by administrators)";
    state_cancelled: "取り消しました" / "Cancelled";
    state_failed: "処理できませんでした（管理者が保管）" / "Could not be processed (kept by administrators)";

    // Sign-in
    sign_in: "サインイン" / "Sign in";
    sign_out: "サインアウト" / "Sign out";
    user_name: "利用者ID" / "User name";
    password: "パスワード" / "Password";
    password_show: "表示" / "Show";
    password_again: "パスワード（確認）" / "Password (again)";
    password_rule: "12文字以上。長いほど安全です。記号や数字を混ぜる決まりはありません。" / "At least 12 characters. Longer is safer; there are no rules about digits or symbols.";
    user_name_rule: "半角の英小文字で始まる、英数字・点・ハイフン・下線の3〜64文字。" / "3 to 64 letters, digits, dots, hyphens or underscores, beginning with a lower-case letter.";
    sign_in_wrong: "利用者IDまたはパスワードが違います。" / "The user name or the password is wrong.";
    sign_in_wait: "失敗が続いたため、しばらくサインインできません。" / "Too many failures; signing in is paused for a while.";
    sign_in_directory: "庁内のディレクトリ（Active Directory など）の利用者IDとパスワードも使えます。" / "The user name and password of your organisation's directory work too.";
    sign_in_directory_down: "庁内のディレクトリに接続できないため、パスワードを確かめられませんでした。しばらくしてからもう一度試してください。このゲートウェイに登録されたアカウントは使えます。" / "Your organisation's directory cannot be reached, so the password could not be checked. Please try again later. Accounts of this gateway itself still work.";
    sign_in_no_role: "本人であることは確認できましたが、ここを使う役割が割り当てられていません。情報システム担当に連絡してください。" / "You are known, but you have no role that may use this site. Please contact your IT section.";
    sign_in_taken: "本人であることは確認できましたが、同じ利用者IDの別のアカウントがこのゲートウェイにあります。情報システム担当に連絡してください。" / "You are known, but another account of this gateway has the same user name. Please contact your IT section.";
    sign_in_provider: "組織のアカウントでサインイン" / "Sign in with your organisation account";
    sign_in_or: "または、利用者IDとパスワードでサインインします。" / "Or sign in with user name and password.";
    sign_in_provider_done: "サインインしました" / "You are signed in";
    sign_in_provider_on: "続ける" / "Continue";
    sign_in_provider_down: "組織のアカウントのサーバーに接続できないため、サインインできませんでした。しばらくしてからもう一度試してください。" / "The server of your organisation accounts cannot be reached. Please try again later.";
    sign_in_provider_expired: "サインインの途中で有効期限が切れたか、別の画面で始めたサインインです。もう一度サインインしてください。" / "The sign-in has expired or was begun elsewhere. Please sign in again.";
    sign_in_provider_refused: "組織のアカウントでのサインインを確認できませんでした。もう一度試しても同じときは、情報システム担当に連絡してください。" / "The sign-in with your organisation account could not be confirmed. If this happens again, please contact your IT section.";
    signed_out_here: "サインアウトしました。組織のアカウントには、まだサインインしています。" / "You are signed out here. You are still signed in to your organisation account.";
    sign_out_provider: "組織のアカウントからもサインアウトする" / "Sign out of the organisation account too";
    source_label: "登録元" / "Kept by";
    source_local: "このゲートウェイ" / "This gateway";
    source_directory: "ディレクトリ" / "Directory";
    source_provider: "組織のアカウント" / "Organisation account";
    user_elsewhere: "役割とパスワードは登録元で管理されています。役割は、登録元のグループに従って次のサインインで変わります。" / "Role and password are kept where the account comes from. The role follows the groups there at the next sign-in.";
    signed_out: "サインアウトしました。" / "You are signed out.";
    setup_title: "最初の管理者を登録する" / "Create the first administrator";
    setup_lead: "この画面は一度だけ使えます。登録が終わると、このアドレスは無効になります。" / "This page works once. After the account is created, its address is void.";
    setup_submit: "登録する" / "Create";
    setup_done: "管理者を登録しました。サインインしてください。" / "The administrator was created. Please sign in.";
    setup_gone_title: "この登録用アドレスは使えません" / "This set-up address cannot be used";
    setup_gone: "すでに使われたか、有効期限が過ぎています。サーバーを再起動すると、管理者がまだいない場合に新しいアドレスが表示されます。" / "It was used already or has expired. When the server is restarted and there is still no administrator, it prints a new one.";
    setup_none_yet: "まだ管理者が登録されていません。サーバーの起動時に表示された登録用アドレスを開いてください。" / "There is no administrator yet. Open the set-up address that the server printed when it started.";
    password_short: "パスワードは12文字以上にしてください。" / "The password must have at least 12 characters.";
    password_long: "パスワードが長すぎます。" / "The password is too long.";
    password_guessable: "利用者IDを含むもの、同じ文字の繰り返しは使えません。" / "A password must not contain the user name or repeat one character.";
    password_differs: "2つのパスワードが一致しません。" / "The two passwords differ.";
    user_name_bad: "利用者IDの形が正しくありません。" / "The user name is not of the allowed form.";

    password_changed: "パスワードを変えました。新しいパスワードでサインインしてください。" / "The password was changed. Sign in with the new one.";
    password_title: "パスワードを変更する" / "Change the password";
    password_must: "はじめに、自分だけが知っているパスワードに変えてください。" / "First choose a password that only you know.";
    password_current: "いまのパスワード" / "Current password";
    password_new: "新しいパスワード" / "New password";
    password_submit: "変更する" / "Change";
    password_ends: "変更すると、すべての端末でサインアウトします。" / "All computers are signed out when it changes.";
    password_current_wrong: "いまのパスワードが違います。" / "The current password is wrong.";
    password_same: "いまと違うパスワードにしてください。" / "Choose a password that differs from the current one.";
    code_title: "確認コードを入力する" / "Enter your code";
    code_lead: "認証アプリに表示されている6桁の数字を入力してください。" / "Enter the six digits that your authenticator app shows.";
    code_label: "確認コード" / "Code";
    code_recovery: "認証アプリを使えないときは、控えておいた回復コードを入力してください。回復コードは1回だけ使えます。" / "Without the app, enter one of your recovery codes. Each works once.";
    code_wrong: "コードが違うか、すでに使われています。新しいコードが表示されるのを待って、もう一度入力してください。" / "The code is wrong or was used already. Wait for the next one and try again.";
    code_submit: "確認する" / "Continue";
    factor_title: "二段階認証を設定する" / "Set up two-step sign-in";
    factor_lead: "この役割では、パスワードのほかに、スマートフォンなどの認証アプリが表示する数字が必要です。" / "This role needs, besides the password, the digits that an authenticator app shows.";
    factor_step_scan: "認証アプリで、この図を読み取ってください。" / "Scan this picture with an authenticator app.";
    factor_picture: "認証アプリで読み取る二次元コード" / "Two-dimensional code for the authenticator app";
    factor_step_type: "読み取れないときは、次の文字を認証アプリに入力してください（種類は「時間ベース」）。" / "If that is not possible, type these characters into the app (type: time-based).";
    factor_step_code: "アプリに表示された6桁の数字を入力してください。" / "Enter the six digits that the app shows.";
    factor_code_wrong: "数字が違います。時計が合っているか確かめて、いま表示されている数字を入力してください。" / "The digits are wrong. Check that the clock is right and enter the digits shown now.";
    factor_submit: "設定する" / "Set up";
    factor_on: "設定済み" / "Set up";
    factor_off: "未設定" / "Not set up";
    factor_label: "二段階認証" / "Two-step sign-in";
    recovery_title: "回復コードを控える" / "Keep your recovery codes";
    recovery_lead: "二段階認証を設定しました。認証アプリを使えなくなったとき、次のコードのどれか1つでサインインできます。この画面は二度と表示されません。印刷するか書き写して、安全な場所に保管してください。" / "Two-step sign-in is set up. If you cannot use the app, one of these codes signs you in. They are never shown again: print them or write them down, and keep them in a safe place.";
    recovery_done: "控えました" / "I have kept them";
    recovery_new_title: "回復コードを作り直す" / "New recovery codes";
    recovery_new_lead: "新しい回復コードを10個作ります。これまでの回復コードは、使っていないものもすべて無効になります。" / "Ten new recovery codes are made. All former ones stop working, also those that were not used.";
    recovery_new_hint: "認証アプリに表示されている数字か、残っている回復コードを入力してください。" / "The digits that the app shows, or a recovery code that is left.";
    recovery_new_submit: "作り直す" / "Make new codes";
    recovery_renewed: "新しい回復コードです。これまでのものは使えません。この画面は二度と表示されません。印刷するか書き写して、安全な場所に保管してください。" / "These are your new recovery codes; the former ones no longer work. They are never shown again: print them or write them down, and keep them in a safe place.";
    recovery_left: "残りの回復コード" / "Recovery codes left";
    account_title: "自分のアカウント" / "Your account";
    account_role: "役割" / "Role";
    account_sessions: "サインインしている端末" / "Where you are signed in";
    session_site: "画面" / "Site";
    session_since: "サインイン" / "Signed in";
    session_seen: "最後の操作" / "Last used";
    session_peer: "接続元" / "From";
    session_here: "この端末" / "This one";
    session_end: "サインアウトさせる" / "Sign out";

    // Passkeys
    passkeys_title: "パスキー" / "Passkeys";
    passkeys_lead: "確認コードの代わりに、この端末の指紋や顔、またはセキュリティキーでサインインできます。確認コードも引き続き使えます。" / "Sign in with this computer's fingerprint or face, or with a security key, in place of the code. Codes go on working.";
    passkey_new: "パスキーを登録する" / "Register a passkey";
    passkey_name: "名前（端末など）" / "Name (such as the computer)";
    passkey_unnamed: "パスキー" / "passkey";
    passkey_none: "このブラウザーまたはこのアドレスでは、パスキーを使えません。" / "Passkeys cannot be used with this browser or this address.";
    passkey_failed: "操作が取り消されたか、時間内に終わりませんでした。" / "It was cancelled or did not finish in time.";
    passkey_bad: "パスキーを登録できませんでした。画面を開き直して、もう一度お試しください。" / "The passkey could not be registered. Open the page again and try once more.";
    passkey_exists: "このパスキーはすでに登録されているか、数が上限に達しています。" / "This passkey is registered already, or there are too many.";
    passkey_use: "パスキーでサインインする" / "Sign in with a passkey";
    passkey_wrong: "パスキーを確かめられませんでした。もう一度試すか、確認コードを入力してください。" / "The passkey could not be verified. Try again or enter a code.";
    passkey_remove: "削除する" / "Remove";

    // History and deep links
    history_uploads: "アップロードしたファイル" / "Uploaded files";
    history_mails: "届いたメール" / "Mails received";
    history_no_address: "メールアドレスが登録されていないため、届いたメールは表示できません。必要な場合は情報システム担当に連絡してください。" / "No mail address is registered for you, so your mails cannot be shown. Ask an administrator if you need this.";
    mail_title: "届いたメールの無害化の結果" / "What was done to the mail";
    mail_locked: "パスワードが必要です" / "A password is needed";
    mail_locked_lead: "別に届いたパスワードを入力すると、作り直したファイルを元のメールの宛先に送ります。パスワードは保存せず、記録にも残しません。" / "Enter the password that came separately. The rebuilt files are sent to the recipients of the mail. The password is neither stored nor logged.";
    mail_no_parts: "添付ファイルはありません。" / "There are no attachments.";

    // Keys and the interface for programs
    keys_title: "APIキー" / "API keys";
    keys_lead: "ほかのプログラムから /api/v1 を使うための鍵です。役割で許されていることより多くはできません。" / "Keys let other programs use /api/v1. They never allow more than your role does.";
    keys_new: "新しいキーを作る" / "Make a new key";
    keys_name: "名前（使い道）" / "Name (what it is for)";
    keys_scopes: "できること" / "What it may do";
    keys_days: "有効な日数" / "Days it is good for";
    keys_make: "作る" / "Make";
    keys_expires: "期限" / "Expires";
    keys_used: "最後に使われた時刻" / "Last used";
    keys_end: "無効にする" / "End";
    keys_key: "キー" / "Key";
    keys_made_title: "APIキーを作りました" / "The API key was made";
    keys_made: "この画面は二度と表示されません。キーを安全な場所に写してください。" / "This is never shown again. Copy the key to a safe place.";
    keys_incomplete: "名前を入力し、できることを1つ以上選んでください。" / "Enter a name and choose at least one thing it may do.";
    keys_too_many: "キーが多すぎます。使っていないものを無効にしてください。" / "There are too many keys. End those that are not in use.";
    scope_files: "ファイルを送り、結果を受け取る" / "Send files and fetch results";
    scope_quarantine: "隔離の情報を読む" / "Read the quarantine";
    scope_unlock: "パスワードで開く" / "Open with passwords";
    scope_tracking: "メールとアップロードの経過を読む" / "Read the way of mails and uploads";
    scope_figures: "件数と状態を読む" / "Read counts and conditions";
    scope_audit: "監査ログを読む" / "Read the audit log";
    scope_users: "利用者を読み、サインアウトさせる" / "Read users and end their sessions";
    scope_requests: "原本の取り寄せを申請し、申請を読む" / "Ask for originals and read requests";
    scope_webhooks: "連携の通知を読み、送り直す" / "Read webhooks and send again";
    docs_title: "APIの説明" / "API reference";
    docs_lead: "プログラムから使うための決まりです。同じ内容を機械が読める形でも配っています:" / "How programs use this service. The same in a form that programs read:";

    // Accounts by a list
    import_title: "利用者の一括登録・異動" / "Accounts by a list";
    import_lead: "一覧を貼り付けると、いまの利用者との違いを表示します。確かめてから、すぐに、または日時を決めて反映できます。" / "Paste a list to see how it differs from the accounts. After looking at it, have it carried out at once or at a time to come.";
    import_list: "利用者の一覧" / "List of accounts";
    import_list_rule: "1行目は見出しです: 利用者ID、役割、メールアドレス、状態（必要な列だけでかまいません）。表計算ソフトからの貼り付けと、コンマ区切り（CSV）が使えます。空欄は変更なし、メールアドレスの「-」は削除、状態は「有効」か「停止」です。" / "The first line names the columns: name, role, address, state (only those needed). Rows pasted from a spreadsheet and comma-separated ones (CSV) are read. An empty cell changes nothing, “-” takes an address away, state is active or disabled.";
    import_absent: "一覧にない利用者を停止する（一覧が全員分のとき）" / "Stop accounts that are not in the list (for a complete list)";
    import_effective: "反映する日時" / "Takes effect";
    import_effective_rule: "空欄のときは、すぐに反映します。" / "Empty: at once.";
    import_at_once: "すぐに" / "At once";
    import_time_bad: "日時の形が正しくありません。" / "The time is not of the allowed form.";
    import_compare: "違いを見る" / "Compare";
    import_nothing: "一覧と利用者に違いはありません。" / "The list and the accounts do not differ.";
    import_wrong: "一覧を直してから、もう一度お試しください。" / "Mend the list and try again.";
    import_line: "行" / "Line";
    import_preview: "変更の内容" / "What will change";
    import_changed_since: "表示したあとで利用者が変わりました。もう一度確かめてください。" / "Accounts have changed since. Please look again.";
    import_kind: "区分" / "Kind";
    import_what: "内容" / "What";
    import_added: "追加" / "New";
    import_changed: "変更" / "Changed";
    import_apply: "この内容で反映する" / "Carry out";
    import_sets: "予定と履歴" / "Planned and done";
    import_planned: "反映を予定しています" / "Planned";
    import_done: "反映しました" / "Carried out";
    import_withdrawn: "取り消しました" / "Withdrawn";
    import_withdraw: "取り消す" / "Withdraw";
    import_given: "新しい利用者の仮のパスワードです。この画面は二度と表示されません。最初のサインインで変えてもらいます。" / "Passwords for the first sign-in of new accounts. This is never shown again; they are changed at the first sign-in.";
    import_given_title: "仮のパスワード" / "First passwords";
    roster_quote: "引用符が閉じていません。" / "A quotation mark is not closed.";
    roster_no_name: "見出しに「利用者ID」がありません。" / "There is no column “name”.";
    roster_column: "見出しに分からない列があります。" / "A column is not known.";
    roster_empty: "一覧が空です。" / "The list is empty.";
    roster_too_long: "一度に読めるのは5,000行までです。" / "At most 5,000 rows are read at once.";
    roster_too_many_new: "一度に追加できるのは500人までです。" / "At most 500 accounts are made at once.";
    roster_role: "役割が分かりません。" / "The role is not known.";
    roster_state: "状態は「有効」か「停止」です。" / "The state is active or disabled.";
    roster_twice: "同じ利用者IDが2回あります。" / "The name stands twice.";

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

    // Users
    nav_users: "利用者" / "Users";
    nav_history: "わたしの履歴" / "My history";
    users_lead: "新しい利用者には、一度だけ表示される仮のパスワードを渡してください。最初のサインインで、本人が変えます。" / "Give a new user the temporary password, which is shown once. They change it when they first sign in.";
    users_new: "利用者を登録する" / "Create a user";
    user_title: "利用者" / "User";
    user_address: "メールアドレス（任意）" / "Mail address (optional)";
    user_address_rule: "この宛先に届いたメールの添付を、本人がポータルで確かめられるようになります。" / "Lets them look up attachments of mails to this address in the portal.";
    user_address_bad: "メールアドレスの形が正しくありません。" / "The mail address is not of the allowed form.";
    user_address_taken: "このメールアドレスは、ほかの利用者のものです。" / "The mail address belongs to another user.";
    user_name_taken: "この利用者IDはすでに使われています。" / "The user name is taken.";
    user_not_oneself: "自分の役割・状態・パスワード・二段階認証は、ここでは変えられません。" / "You cannot change your own role, state, password or two-step sign-in here.";
    user_last_admin: "利用できる管理者がほかにいないため、変更できません。先に、別の利用者を管理者にしてください。" / "There is no other active administrator. Make somebody else an administrator first.";
    user_keys_none: "有効なAPIキーはありません。" / "There are no API keys.";
    user_active: "利用中" / "Active";
    user_waiting: "初回設定待ち" / "Waiting for first sign-in";
    user_disabled: "停止中" / "Disabled";
    user_last: "最後のサインイン" / "Last sign-in";
    user_created: "登録" / "Created";
    user_save: "変更する" / "Change";
    user_disable: "停止する" / "Disable";
    user_enable: "利用を再開する" / "Enable";
    user_reset: "仮のパスワードを発行する" / "Issue a temporary password";
    user_reset_hint: "いまのパスワードとAPIキーは使えなくなり、失敗による一時停止も解けます。" / "The current password and the API keys stop working, and a pause after failures ends.";
    user_factor_remove: "二段階認証を解除する" / "Remove two-step sign-in";
    user_factor_remove_hint: "認証アプリも回復コードも失ったときに使います。パスキーとAPIキーも消えます。本人であることを必ず確かめてください。" / "For somebody who has lost both the app and the recovery codes. Passkeys and API keys go too. Make sure who is asking.";
    user_sessions_end: "すべての端末をサインアウトさせる" / "Sign out everywhere";
    user_sessions_none: "サインインしている端末はありません。" / "Not signed in anywhere.";
    user_given_title: "仮のパスワード" / "Temporary password";
    user_given: "この画面は二度と表示されません。本人に直接渡してください。最初のサインインで、新しいパスワードを決めてもらいます。" / "This is never shown again. Hand it over in person; they choose a new one when they first sign in.";
    user_given_back: "利用者の画面へ" / "To the user";

    // Requests for originals
    nav_requests: "申請" / "Requests";
    nav_approvals: "承認" / "Approvals";
    nav_requests_all: "申請・承認" / "Requests";
    yes: "はい" / "yes";
    no: "いいえ" / "no";
    request_title: "原本の取り寄せを申請する" / "Ask for the original";
    request_link: "原本の取り寄せを申請する" / "Ask for the original";
    request_promise_off: "承認は記録に残りますが、このシステムの設定では原本をお渡ししません。お渡しするのは、安全に作り直したファイルだけです。" / "An approval is put on record, but this installation is set to hand over no originals: only files that were rebuilt safely.";
    request_promise_admin: "承認された原本は、インターネット側の管理画面からだけ、暗号化したZIPとして担当者が取り出します。この画面やメールではお渡ししません。" / "An approved original is taken out by those in charge, in the console on the internet side only and as an encrypted ZIP. It is never handed over on these pages or by mail.";
    request_lead: "原本は、外部から届いたままのファイルです。開くと危険なことがあります。安全に作り直したファイルで足りないときだけ申請してください。" / "The original is the file as it came from outside, and opening it can be dangerous. Ask only where the safe file is not enough.";
    request_target: "対象" / "What is asked for";
    request_need: "必要な理由" / "Why it is needed";
    request_need_macro: "マクロを使う" / "Its macros are used";
    request_need_look: "表示が崩れている" / "The safe file looks wrong";
    request_need_content: "除去された内容が必要" / "Something that was removed is needed";
    request_need_whole: "受け取れなかったファイルが必要" / "The withheld file is needed";
    request_need_other: "その他" / "Another reason";
    request_words: "理由を具体的に書いてください（必須）" / "Say why in your own words (required)";
    request_words_hint: "承認者と監査の記録に残ります。160文字まで。" / "Approvers read it, and it stays in the audit log. At most 160 characters.";
    request_confirm: "差出人に電話などで、送信の事実を確認しました" / "I have confirmed with the sender, such as by telephone, that they sent it";
    request_confirmed: "差出人への確認" / "Confirmed with the sender";
    request_approver: "承認者" / "Approver";
    request_approver_any: "指定しない" / "Nobody in particular";
    request_submit: "申請する" / "Ask";
    request_incomplete: "理由を選び、具体的に書いてください。" / "Choose a reason and say why in your own words.";
    request_already: "このファイルについて、すでに申請があります:" / "There is a request about this file already:";
    request_none: "申請はありません。結果の画面の「原本の取り寄せを申請する」から申請できます。" / "There are no requests. Make one on the page of a result with “Ask for the original”.";
    request_number: "申請番号" / "Number";
    request_by: "申請者" / "Asked by";
    request_made: "申請日時" / "Asked";
    request_ends: "期限" / "Until";
    request_quorum: "承認（済み/必要）" / "Approvals (given/needed)";
    request_class: "区分" / "Class";
    request_class_rebuilt: "作り直してお渡し済み" / "Rebuilt and delivered";
    request_class_withheld: "お渡しできなかったもの" / "Withheld";
    request_class_virus: "ウイルス検知" / "Virus found";
    request_open: "申請中" / "Waiting for approval";
    request_partly: "承認の途中" / "Partly approved";
    request_approved: "承認済み" / "Approved";
    request_returned: "差戻し" / "Returned";
    request_ended: "期限切れ" / "Ended: time was over";
    request_fetched: "取り出し済み" / "Handed over";
    request_history: "これまでの判断" / "Decisions so far";
    request_undecided: "まだ判断されていません。" / "Nobody has decided yet.";
    request_decide: "判断する" / "Decide";
    request_approve: "承認" / "Approve";
    request_return: "差戻し" / "Return";
    request_comment: "理由・コメント（必須）" / "Comment (required)";
    request_comment_missing: "コメントを書いてください。" / "Write a comment.";
    request_look: "原本を画像で見る" / "Look at the original as pictures";
    request_why_not: "あなたは承認できません: " / "You cannot approve: ";
    request_waiting: "判断を待つもの・有効なもの" / "Open or granted";
    request_all: "すべて" / "All";
    request_item_lead: "この原本の取り出しを、ほかの2人の承認へ回します。申請した人は承認できません。" / "Two other people decide on it. Whoever asks cannot approve.";
    denied_title: "この操作はできません" / "This cannot be done";
    request_account_since: "（アカウント作成 " / "(account since ";
    request_account_since_end: "）" / ")";
    request_uncounted: "アカウントの停止、役割の変更、またはウイルスの検知により、この承認は数えません。" / "The account was stopped or has another role, or there is a virus: this approval does not count.";
    event_virus_found: "保管中のファイルからウイルスが見つかりました" / "A virus was found in a file that is held";
    event_reclassed: "申請の区分が変わりました" / "A request is of another class now";
    triage_still_inside: "この部分はもう取り出せませんが、中身は元のメールまたはファイル全体の原本の中に残っています。同じメールのほかの保管中の項目を削除または送信し終え、申請が無くなった後の削除で、全体の原本も消えます。遅くとも消える時刻: " / "This part cannot be taken out any more, but its bytes are still inside the whole original that it came in. That goes too when the last other item of it is deleted or sent and nobody asks for anything of it. At the latest: ";
    user_planned: "この人が予定した、まだ行われていない一括変更があります。停止するか管理者でなくすると、その時刻になっても行われません。件数: " / "Lists of changes that this person has planned and that wait for their time. If the account is stopped or no administrator any more, they are not carried out. How many: ";
    denied_virus: "ウイルスを検知したファイルは、利用者からは申請できません。" / "A file with a virus cannot be asked for by staff.";
    denied_unsettled: "アカウントができたばかりか、この申請のほかの関係者のアカウントと最近の作成・変更でつながっている（一方が他方を、または同じ人が両方を作成・変更した）ため、まだこの操作はできません。別の人が行ってください。" / "The account is new, or recently tied to that of somebody else in this request (one of them, or one person both, made or changed it), so it cannot do this yet. Somebody else has to.";
    denied_role: "この役割ではできません。" / "The role is not entitled to this.";
    denied_asked: "同じファイルについて、すでに申請しています。" / "You have asked for this file already.";
    denied_many: "判断を待つ申請が多すぎます。" / "You have too many requests that wait.";
    denied_gone: "原本はもう保管していません（保存期間の終了、または管理者による削除）。" / "The original is no longer kept: its time is over, or an administrator deleted it.";
    denied_own: "自分の申請は自分で判断できません。" / "Nobody decides on their own request.";
    denied_approved: "あなたはすでに承認しています。もう1人の承認が必要です。" / "You have approved already; somebody else has to approve too.";
    denied_other: "別の承認者が指定されています。" / "Another approver was chosen.";
    denied_console: "残りの1人は、管理画面の運用担当または管理者である必要があります。" / "The last approval must be that of an operator or administrator in the console.";
    denied_over: "この申請は、いまその操作を待っていません。" / "The request does not wait for this (any more).";
    fetch_title: "原本を取り出す" / "Take out the original";
    fetch_open: "原本を取り出す（暗号化ZIP）" / "Take out the original (encrypted ZIP)";
    fetch_lead: "このパスワードは、この画面に一度だけ表示されます。控えてからダウンロードしてください。ダウンロードした時点で、1回分として記録されます。" / "This password is shown only once, on this page. Note it down, then download. The download is counted and put on record.";
    fetch_warning: "中身は外部から届いたままのファイルです。インターネット側の端末だけで開き、LGWAN側へ移さないでください。" / "Inside is the file as it came from outside. Open it on the internet side only, and never move it to the LGWAN side.";
    fetch_submit: "ダウンロードする" / "Download";
    event_request_made: "原本の取り寄せを申請しました" / "An original was asked for";
    event_request_approved: "原本の取り寄せを承認しました" / "A request was approved";
    event_request_returned: "原本の取り寄せを差し戻しました" / "A request was returned";
    event_request_ended: "申請の期限が過ぎました" / "A request ended by itself";
    event_handed_over: "原本を取り出しました" / "An original was handed over";

    // Acting on items of the quarantine
    triage_one: "この項目の処理" / "Act on this item";
    triage_title: "選んだ項目の処理" / "Act on the chosen items";
    triage_lead: "送られるのは、もう一度作り直してできた安全なファイルだけです。原本が送られることはありません。" / "What is sent is only the safe file that converting it again made, never the original.";
    triage_why: "理由（必須）" / "Reason (required)";
    triage_policy: "作り直し方" / "How to convert";
    triage_policy_same: "いまの設定のまま" / "As configured";
    triage_policy_raster: "ページを画像にする（PDF）" / "Pages as images (PDF)";
    triage_policy_pages: "ページとして渡す（Office → PDF）" / "As pages (Office to PDF)";
    triage_policy_text: "文字だけを取り出す" / "The words only";
    triage_retry: "再処理" / "Convert again";
    triage_retry_title: "再処理の結果" / "Converted again";
    triage_release: "作り直したものを送る" / "Send what was rebuilt";
    triage_hold: "保留（削除しない）" / "Hold back from deletion";
    triage_unhold: "保留を解く" / "End the hold";
    triage_delete: "削除" / "Delete";
    triage_note: "保留の理由" / "Why it is held back";
    triage_waiting: "再処理待ち" / "Waiting to be converted";
    triage_made: "作り直せました" / "Rebuilt; can be sent";
    triage_withheld: "作り直せません" / "Still does not pass";
    triage_requested: "申請あり" / "Asked for";
    triage_on_hold: "保留" / "Held back";
    triage_only: "絞り込み" / "Only";
    triage_only_requested: "申請のあるもの" / "Asked for";
    triage_only_held: "保留したもの" / "Held back";
    triage_since: "この日から" / "From";
    triage_until: "この日まで" / "To";
    triage_filters: "保存した条件" / "Kept filters";
    triage_filter_name: "条件の名前" / "Name of the filter";
    triage_keep: "この条件を保存する" / "Keep this filter";
    triage_forget: "削除する" / "Forget";
    triage_filters_many: "保存できる条件は20個までです。" / "At most twenty filters can be kept.";
    triage_export: "一覧をファイルに書き出す" / "Export the list";
    triage_choose: "選ぶ" / "Choose";
    triage_all: "すべて選ぶ" / "Choose all";
    triage_keys: "一覧の中では、j と k で上下に移動、x で選択、Enter で開きます。" / "In the list, j and k move, x chooses and Enter opens.";
    triage_none: "項目が選ばれていません。" / "No item was chosen.";
    triage_many: "一度に処理できるのは500件までです。" / "At most 500 items at once.";
    triage_why_missing: "理由を書いてください。" / "Give a reason.";
    triage_done: "件を処理しました。" / " done.";
    triage_untouched: "処理しなかったもの" / "Left as they are";
    triage_back: "戻る" / "Back";
    untouched_unknown: "見つかりません。" / "There is no such item.";
    untouched_gone: "原本の保存期間が過ぎています。" / "What it would be made from is no longer kept.";
    untouched_released: "すでに送っています。" / "It was sent already.";
    untouched_on_hold: "保留しています。消すには、先に保留を解いてください。" / "It is held back; end the hold before deleting it.";
    untouched_requested: "取り寄せの申請があります。先に判断してください。" / "Somebody asks for it; decide on that first.";
    untouched_nothing: "送れるものがありません。先に再処理してください。" / "There is nothing to send; convert it again first.";
    untouched_locked: "パスワードが必要です。" / "It needs a password.";
    untouched_part: "アップロードの一部です。全体を送り直してもらってください。" / "It is part of an upload; have the whole sent again.";
    untouched_under_way: "いま再処理を待っています。" / "It waits to be converted just now.";
    event_triage_held: "隔離の項目を保留しました" / "An item was held back";
    event_triage_unheld: "保留を解きました" / "A hold was ended";
    event_triage_deleted: "隔離の項目を削除しました" / "An item was deleted";
    event_triage_retried: "再処理を指示しました" / "Converting again was asked for";
    event_triage_converted: "再処理が終わりました" / "Converted again";
    event_triage_exported: "隔離の一覧を書き出しました" / "The list was exported";

    // Roles
    role_staff: "職員" / "staff";
    role_approver: "承認者" / "approver";
    role_operator: "運用担当" / "operator";
    role_auditor: "監査" / "auditor";
    role_tenant_admin: "管理者" / "administrator";
    role_platform_admin: "全体管理者" / "platform administrator";

    // Console
    nav_dashboard: "ダッシュボード" / "Dashboard";
    nav_messages: "追跡" / "Tracking";
    nav_quarantine: "隔離" / "Quarantine";
    nav_audit: "監査ログ" / "Audit log";
    dashboard_waiting: "作り直し待ち" / "Waiting to be rebuilt";
    dashboard_working: "処理中" / "In work";
    dashboard_deliveries: "配送待ち" / "Awaiting delivery";
    dashboard_quarantine: "隔離中" / "In quarantine";
    dashboard_requests: "判断を待つ申請" / "Requests waiting for a decision";
    dashboard_messages: "受け付けた件数" / "Accepted";
    dashboard_oldest: "最も古い待ち" / "Oldest waiting";
    dashboard_oldest_none: "なし" / "none";
    dashboard_all: "すべての受け付けを見る" / "See everything accepted";
    dashboard_state: "状態" / "State";
    dashboard_ok: "正常" / "Normal";
    dashboard_warning: "注意が必要です" / "Needs attention";
    dashboard_refusing: "メールの受け付けを止めています" / "Mail is being refused";
    dashboard_recent: "最近の受け付け" / "Recently accepted";
    dashboard_checks: "点検" / "Checks";
    check_name: "項目" / "Check";
    check_detail: "詳細" / "Detail";
    check_ok: "正常" / "OK";
    check_warning: "注意" / "Warning";
    check_off: "未設定" / "Not set";
    part_store: "保管（データベースとファイル）" / "Store (database and files)";
    part_rooms: "変換環境（隔離）" / "Rooms";
    part_scanner: "ウイルス検査" / "Virus scanner";
    part_delivery: "次のメールサーバーへの配送" / "Delivery to the next hop";
    meaning_store: "メールを保存できないため、受け付けを止めています。ディスクの空きを確かめてください。" / "Mail cannot be stored, so it is refused. Check the free disk space.";
    meaning_rooms: "作り直しが遅れるか、止まっています。受け付けたメールは待っています。" / "Rebuilding is slow or stopped. Accepted mail waits.";
    meaning_scanner: "応答がありません。受け付けたメールは、応答が戻るまで待っています。" / "No answer. Accepted mail waits until it answers again.";
    meaning_scanner_off: "ファイルは作り直しますが、ウイルスの検査はしていません。" / "Files are rebuilt, but not scanned for viruses.";
    meaning_delivery: "次のメールサーバーにつながりません。メールは失われず、つながり次第配送します。" / "The next hop cannot be reached. No mail is lost; it is delivered as soon as the hop answers.";
    check_failed: "異常" / "Failed";
    column_time: "時刻" / "Time";
    column_kind: "種類" / "Kind";
    column_sender: "差出人" / "Sender";
    column_recipients: "宛先" / "Recipients";
    column_subject: "件名 / ファイル" / "Subject / file";
    column_verdict: "結果" / "Result";
    column_receipt: "受付番号" / "Receipt";
    column_reason: "理由" / "Reason";
    column_size: "大きさ" / "Size";
    column_state: "状態" / "State";
    column_type: "形式" / "Type";
    column_name: "名前" / "Name";
    column_actor: "主体" / "Actor";
    column_action: "操作" / "Action";
    column_number: "番号" / "No.";
    column_reply: "応答" / "Reply";
    column_attempts: "回数" / "Attempts";
    kind_mail: "メール" / "Mail";
    kind_upload: "アップロード" / "Upload";
    kind_notice: "お知らせ" / "Notice";
    kind_unlocked: "開封した添付" / "Opened attachments";
    detail_header_from: "差出人（表示）" / "From header";
    delivery_retry: "もう一度配送します" / "To be tried again";
    search: "検索" / "Search";
    search_hint: "差出人・宛先・件名・ファイル名・受付番号" / "Sender, recipient, subject, file name, receipt";
    filter_all: "すべて" / "All";
    no_rows: "該当するものはありません。" / "Nothing to show.";
    older: "さらに古いもの" / "Older";
    newest: "最新へ戻る" / "Back to the newest";
    no_subject: "（件名なし）" / "(no subject)";
    null_sender: "（空の差出人）" / "(null sender)";
    detail_title: "受け付けの記録" / "Record";
    detail_facts: "概要" / "Summary";
    detail_timeline: "経過" / "Timeline";
    detail_parts: "ファイルごとの結果" / "Results by file";
    detail_account: "受取人へのお知らせ（メールの中の文面）" / "The account in the mail, as recipients read it";
    detail_deliveries: "配送" / "Deliveries";
    detail_findings: "取り除いたもの・変えたもの" / "Removed or changed";
    detail_peer: "接続元" / "Client";
    detail_helo: "HELO" / "HELO";
    detail_tls: "暗号化" / "TLS";
    detail_tls_none: "なし" / "none";
    detail_user: "利用者" / "User";
    detail_attempt: "処理の回数" / "Attempts";
    detail_error: "最後の問題" / "Last problem";
    detail_quarantined: "隔離された原本を見る" / "See the quarantined original";
    quarantine_item: "隔離されたもの" / "Quarantined item";
    quarantine_lead: "お渡ししなかった原本です。中身を見るときは、隔離した場所で描いた画像だけを表示します。" / "Originals that were not passed on. Their content is shown as pictures only, drawn in an isolated room.";
    quarantine_item_back: "隔離されたものの情報へ戻る" / "Back to the quarantined item";
    quarantine_look: "原本のページを画像で見る" / "Look at the pages of the original";
    quarantine_whole: "メール全体" / "The whole mail";
    quarantine_since: "隔離した時刻" / "Quarantined";
    quarantine_expires: "自動削除の予定" / "Deleted on";
    quarantine_message: "受け付けの記録を見る" / "See the record of the message";
    quarantine_back: "隔離の一覧へ戻る" / "Back to the quarantine";
    unlock_title: "パスワードを入力して開く" / "Open with a password";
    unlock_lead: "開けたときは、作り直したファイルを元のメールの宛先すべてに送ります（アップロードの場合は、送った人の結果の画面に出します）。パスワードは保存せず、記録にも残しません。" / "When it opens, the rebuilt files are sent to all recipients of the mail; that of an upload is put on the page of its result. The password is neither stored nor logged.";
    unlock_submit: "開いて無害化する" / "Open and sanitise";
    unlock_wrong: "パスワードが違います。残りの回数: " / "The password is wrong. Tries left: ";
    unlock_exhausted: "入力できる回数を使い切りました。差出人に送り直しを頼んでください。" / "No tries are left. Ask the sender to send it again.";
    unlock_withheld: "パスワードは合っていますが、中のファイルをお渡しできません。理由: " / "The password is right, but what is inside cannot be passed on: ";
    unlock_not_locked: "パスワードで開けるものではないか、すでに開いています。" / "There is nothing that a password could open, or it is open already.";
    unlock_busy: "いまは処理できません。しばらくしてからもう一度入力してください。" / "This cannot be done just now. Please try again later.";
    unlock_partly: "開いた分を宛先へ送りました。別のパスワードが必要なファイルが残っており、それぞれ隔離の一覧にあります。残りの数: " / "What it opens was sent. Files inside that need another password are held, each in the list of the quarantine: ";
    unlock_others: "このファイルは開きませんでしたが、同じメールの別のファイルが開いたので宛先へ送りました（回数には数えません）: " / "It does not open this file, but others of the same mail, which were sent (not counted as a try): ";
    unlock_unknown: "処理できなかったため、パスワードが正しいかどうかは分かりません。理由: " / "It could not be converted, so whether the password is right is not known. Reason: ";
    unlock_upload_done: "開きました。作り直したファイルをダウンロードできます。" / "Opened. The rebuilt file can be downloaded.";
    unlock_upload_partly: "開いた分を作り直しました。別のパスワードが必要なファイルが残っているので、続けて入力してください。残りの数: " / "What it opens was rebuilt. Files inside need another password; enter that one next. Files left: ";
    unlock_another_needed: "パスワードは合っていますが、もう一つ別のパスワードが必要です。続けて入力してください。" / "The password is right, and another one is needed as well: enter that one next.";
    unlock_left: "残りの回数: " / "Tries left: ";
    unlock_done: "開きました。作り直したファイルを送った宛先の数: " / "Opened. Recipients that the rebuilt files were sent to: ";
    quarantine_states_held: "保管中" / "Held";
    quarantine_states_released: "作り直して送付済み" / "Rebuilt and sent";
    quarantine_states_deleted: "削除済み" / "Deleted";
    compare_title: "原本のページ" / "Pages of the original";
    compare_real: "実寸で見る" / "Actual size";
    compare_difference: "差分を重ねる" / "Show the difference";
    compare_difference_hint: "2つを重ねています。同じところは黒く、違うところが明るく見えます。" / "Both are laid over each other: what is the same is black, what differs is bright.";
    compare_lead: "隔離した場所で描いた画像です。文字のコピーやリンクは使えません。原本を見たことは、1ページごとに監査ログに残ります。" / "Pictures drawn in an isolated room: nothing can be copied or followed. Every page of the original that is shown becomes an entry of the audit log.";
    compare_original: "原本（画像のみ）" / "Original (pictures only)";
    compare_output: "作り直したもの" / "Rebuilt";
    compare_gone: "保存期間が過ぎたため、表示できません。" / "The storage period is over; it cannot be shown.";
    compare_no_such: "このページはありません。" / "There is no such page.";
    compare_not_drawn: "この形式の原本は描きません。作り直したものだけを表示します。" / "Originals of this type are not drawn; only the rebuilt file is shown.";
    compare_look: "ページを見る" / "See the pages";
    compare_look_of: "原本のページを見る" / "See the pages of the original";
    audit_lead: "記録は追記だけができ、一つ前の記録の値とつながっています。書き換えがあれば改ざんの検証で分かります。" / "Entries can only be added and each is chained to the one before, so that any alteration shows.";
    audit_record: "記録を見る" / "See the record";
    audit_chain: "改ざんの検証（連鎖）" / "Chain check";
    audit_intact: "検証済み。すべての記録がつながっています。" / "Verified: every entry is intact.";
    audit_broken: "連鎖が切れています。記録が書き換えられたおそれがあります。" / "The chain is broken: entries may have been altered.";
    event_accepted: "受け付けました" / "Accepted";
    event_name_changed: "ファイル名を安全なものに直しました" / "The file name was made safe";
    event_completed: "作り直しが終わりました" / "Rebuilt";
    event_attempt_failed: "処理に失敗しました。もう一度試します" / "An attempt failed; it will be tried again";
    event_deferred: "処理を後に回しました" / "Put off";
    event_given_up: "再試行の上限に達したため、隔離しました" / "Given up and quarantined";
    event_delivery: "配送を試みました" / "Delivery tried";
    event_notice_queued: "お知らせを送信待ちにしました" / "A notice was queued";
    event_purged: "保存期間の過ぎたものを削除しました" / "What had outlived its retention was removed";
    event_setup_token: "最初の管理者の登録用アドレスを作りました" / "A set-up address was made";
    event_user_created: "利用者を登録しました" / "A user was created";
    event_external_gone: "登録元で使えなくなったため、サインアウトさせました" / "Signed out: no longer let in where the account comes from";
    event_put_aside: "同じ利用者IDの新しい人のために、以前のアカウントを退避しました" / "An earlier account was put aside for a new person of that name";
    event_signed_in: "サインインしました" / "Signed in";
    event_original_viewed: "原本のページを画像で見ました" / "A page of an original was looked at";
    event_sign_in_failed: "サインインに失敗しました" / "A sign-in failed";
    event_session_closed: "サインアウトさせました" / "A session was ended";
    event_second_factor: "二段階認証を設定しました" / "Two-step sign-in was set up";
    event_second_factor_removed: "二段階認証を解除しました" / "Two-step sign-in was removed";
    event_recovery_code: "回復コードを使いました" / "A recovery code was used";
    event_recovery_codes_renewed: "回復コードを作り直しました" / "Recovery codes were made anew";
    event_icap_received: "プロキシーを通るファイルを受け付けました" / "A file on its way through a proxy was taken in";
    event_upload_cancelled: "送った人が取り消しました" / "Cancelled by its sender";
    event_passkey_added: "パスキーを登録しました" / "A passkey was registered";
    event_passkey_removed: "パスキーを削除しました" / "A passkey was removed";
    event_key_made: "APIキーを作りました" / "An API key was made";
    event_key_ended: "APIキーを無効にしました" / "An API key was ended";
    event_changes_planned: "利用者の一括変更を予定しました" / "Changes of accounts were planned";
    event_changes_withdrawn: "利用者の一括変更の予定を取り消しました" / "Planned changes of accounts were withdrawn";
    event_changes_done: "利用者を一括で変更しました" / "Accounts were changed by a list";
    event_webhook_again: "連携先への再送を指示しました" / "An event will be told again";
    event_released: "作り直したものを送りました" / "What was rebuilt was sent";
    event_try_returned: "パスワードの試行を回数から除きました" / "A try of a password was not counted";
    event_password_set: "利用者が自分のパスワードを変えました" / "A user changed their password";
    event_password_reset: "利用者に新しいパスワードを発行しました" / "A user was given a new password";
    event_role_set: "利用者の役割を変えました" / "A user's role was changed";
    event_state_set: "利用者を停止または再開しました" / "A user was stopped or allowed again";
    event_address_set: "利用者のメールアドレスを変えました" / "A user's mail address was changed";
    event_renamed: "組織側の変更に合わせて利用者の名前を変えました" / "A user was renamed as their organisation says";
    event_sessions_closed: "利用者をすべての端末からサインアウトさせました" / "All sessions of a user were ended";
    event_password_tried: "パスワードを試しました" / "A password was tried";
    event_upload_unlocked: "アップロードをパスワードで開きました" / "An upload was opened with a password";
    event_unlocked: "パスワードで開き、作り直したファイルを送りました" / "Opened with a password; the rebuilt files were sent";
    delivery_waiting: "待っています" / "Waiting";
    delivery_delivered: "配送しました" / "Delivered";
    delivery_failed: "配送できませんでした" / "Failed";

    // Operations
    dashboard_throughput: "1分あたりの処理件数" / "Finished per minute";
    dashboard_p95: "95%の処理時間（1時間）" / "95% done within (last hour)";
    dashboard_p95_more: "24時間を超過" / "over 24 hours";
    dashboard_p95_none: "記録なし" / "none";
    dashboard_charts: "この24時間" / "The last 24 hours";
    dashboard_flow: "受け付け・配送・隔離（30分ごと）" / "Accepted, delivered, withheld (each half hour)";
    dashboard_accepted: "受け付け" / "Accepted";
    dashboard_delivered: "配送" / "Delivered";
    dashboard_withheld: "お渡ししなかったもの" / "Withheld";
    dashboard_verdicts: "結果の内訳" / "Results";
    dashboard_reasons: "お渡ししなかった理由" / "Reasons for withholding";
    dashboard_kinds: "形式" / "File types";
    dashboard_count: "件数" / "Count";
    dashboard_none: "この24時間の記録はありません。" / "Nothing in the last 24 hours.";
    dashboard_rest: "その他" / "others";
    dashboard_cause: "原因: " / "Cause: ";
    dashboard_lasting: "続いている時間: " / "For: ";
    chart_table: "表で見る" / "As a table";
    part_database: "ウイルス定義の日付" / "Age of the virus database";
    part_certificate: "サーバー証明書の期限" / "End of the certificate";
    part_space: "保管場所の空き" / "Free space";
    part_refusals: "一時的に断った接続（1時間）" / "Refused for now (last hour)";
    meaning_database_old: "古くなっています。定義の更新が動いているか確かめてください。" / "It is old. Check that updates work.";
    meaning_certificate_soon: "期限が近づいています。更新してください。" / "It ends soon. Renew it.";
    meaning_certificate_over: "期限が切れています。送信元が接続できないおそれがあります。" / "It has ended. Senders may not be able to connect.";
    meaning_certificate_unread: "期限を読み取れません。" / "Its end cannot be read.";
    meaning_space: "空きが少なくなっています。なくなると受け付けが止まります。" / "Space is running out. Mail is refused when none is left.";
    meaning_refusals: "送信元には後で送り直すよう返しています。続く場合はログを確かめてください。" / "Senders were told to come back. Check the log if it goes on.";

    tracking_accepted: "受け付けたもの" / "Accepted";
    refusals_title: "断ったもの" / "Refused";
    refusals_lead: "メールを受け取る前に断った接続と宛先です。新しいものから10万件まで、30日間残ります。" / "Connections and recipients refused before a mail was taken: the newest 100,000, for 30 days.";
    refusals_hint: "接続元・差出人・宛先・応答" / "Client, sender, recipient, reply";
    refusals_later: "後で送り直すよう返しました。" / "Told to come back later.";
    refusals_never: "受け取れないと返しました。" / "Told that it is not taken.";
    search_since: "いつから" / "From";
    search_until: "いつまで" / "Until";
    search_fields: "項目ごとに探す" / "Search by field";
    search_subject: "件名" / "Subject";
    search_file: "ファイル名" / "File name";
    search_identifier: "受付番号 / Message-ID" / "Receipt or Message-ID";

    audit_unchecked: "まだ検証していません" / "Not verified yet";
    audit_verify: "いま検証する" / "Verify now";
    audit_head: "連鎖の末尾（別の場所に控えておくと、末尾の切り取りも分かります）" / "Head of the chain (noted elsewhere, it shows when the end is cut off)";
    audit_object: "対象（受付番号）" / "Object (receipt)";
    audit_export: "この条件で書き出す" / "Export these entries";
    audit_export_hint: "先頭に、範囲と連鎖の末尾が入ります。書き出したことも記録します。" / "The file begins with its range and the head of the chain. The export is recorded too.";
    event_audit_exported: "監査ログを書き出しました" / "The audit log was exported";

    nav_policy: "ポリシー" / "Policy";
    nav_system: "システム" / "System";
    policy_lead: "いま効いている設定です。下書きで変えられるものは公開するとすぐに効き、それ以外は設定ファイルで変えて再起動します。設定ファイルに書いてある値は、ここでは変わりません。パスワードなどの秘密は表示しません。" / "What is in force. What a draft may change takes effect when it is published; the rest is changed in the configuration file. What stands in that file is not changed here. Secrets are not shown.";
    policy_published: "公開した版" / "published";
    policy_draft: "下書き" / "Draft";
    policy_draft_lead: "設定ファイルと同じ書き方で、[policy] [mail] [pages] [office] [limits] の値を書きます。公開した版に書いていない値は、設定ファイルの値か既定値です。" / "Values of [policy], [mail], [pages], [office] and [limits], written as in the configuration file. What is not written is that of the file or the default.";
    policy_try: "試す受付番号（任意）" / "Receipt to try it on (optional)";
    policy_try_hint: "原本が残っているメールかアップロードを、下書きの設定で作り直してみます。結果は保存も配送もしません。" / "A mail or upload whose original is still kept is converted under the draft. Nothing is stored or delivered.";
    policy_file_field: "試すファイル" / "File to try it on";
    policy_file_hint: "1つ、50MBまで。いまの設定と下書きの両方で作り直して比べます。ファイルも結果も保存しません。" / "One, up to 50 MB. It is converted under both what is in force and the draft. Neither file nor results are kept.";
    policy_file_try: "このファイルで試す" / "Try it on this file";
    policy_no_file: "試すファイルが選択されていないか、空です。" / "No file was chosen, or it is empty.";
    policy_file_large: "試すことができるのは 50MB までのファイルです。" / "A file to try may have at most 50 MB.";
    policy_record: "最近の記録から分かること" / "What the record of the last days says";
    policy_effect: "変わること" / "What would change";
    policy_messages: "メール・アップロード" / "Mails and uploads";
    policy_parts: "ファイル" / "Files";
    policy_unknown: "次の項目の影響は、記録からは分かりません。受付番号かファイルで試してください。" / "What these do is not in the record. Try them on a receipt or a file:";
    effect_withheld: "お渡しできなくなる" / "Withheld, where it passed";
    effect_some_withheld: "上限を超えるため、一部をお渡しできなくなる" / "Over the limit: some of it withheld";
    effect_otherwise: "お渡しするが、作り直し方が変わる" / "Passed, but written otherwise";
    effect_tried: "お渡しできなかったものを作り直してみる（渡せるかは試さないと分からない）" / "Tried, where it was withheld (whether it passes is seen only then)";
    event_policy_tried: "下書きをファイルで試しました" / "A draft was tried on a file";
    policy_check: "違いを見る" / "See what changes";
    policy_changes: "変わる値" / "Values that change";
    policy_same: "いまと同じです。" / "Nothing changes.";
    policy_before: "いま" / "Now";
    policy_after: "下書き" / "Draft";
    policy_trial: "試した結果" / "Trial of";
    policy_differs: "（違いあり）" / "(differs)";
    policy_why: "理由（必須）" / "Reason (required)";
    policy_why_missing: "理由を書いてください。" / "Give a reason.";
    policy_publish: "公開する" / "Publish";
    policy_stale: "ほかの人が先に公開しました。違いを見直してから、もう一度公開してください。" / "Somebody else has published meanwhile. Look at the changes again and publish once more.";
    policy_no_receipt: "その受付番号の記録はありません。" / "There is no record with that receipt.";
    policy_fault: "この下書きは使えません。" / "This draft cannot be used.";
    policy_versions: "公開の履歴" / "Published versions";
    policy_no_versions: "まだ公開していません。" / "Nothing was published yet.";
    policy_in_force: "（有効）" / "(in force)";
    policy_back: "戻す" / "Go back";
    policy_from: "この版を下書きにする" / "Draft from this version";
    event_policy_published: "ポリシーを公開しました" / "A policy was published";
    policy_key: "項目" / "Key";
    policy_value: "値" / "Value";
    policy_origin: "出どころ" / "Origin";
    policy_default: "既定値" / "default";
    policy_file: "設定ファイル" / "configuration file";
    section_site: "組織" / "Organisation";
    section_smtp: "メールの受け付け" / "Intake of mail";
    section_delivery: "メールの配送" / "Delivery of mail";
    section_policy: "お知らせと件名" / "Account and subject";
    section_mail: "メールと文書の文字" / "Text of mails and files";
    section_pages: "ページの文書（PDF）" / "Documents of pages (PDF)";
    section_office: "Office文書" / "Office documents";
    section_passwords: "パスワード付きファイル" / "Files with passwords";
    section_limits: "上限" / "Limits";
    section_retention: "保存期間" / "Retention";
    section_log: "ログ" / "Log";
    section_portal: "職員用ポータル" / "Staff portal";
    section_admin: "管理画面" / "Admin console";
    section_icap: "プロキシーとの連携（ICAP）" / "Proxies (ICAP)";
    section_requests: "原本の取り寄せ" / "Requests for originals";
    section_directory: "ディレクトリ（LDAP・Active Directory）" / "Directory (LDAP, Active Directory)";
    section_oidc: "組織のアカウント（OpenID Connect）" / "Organisation accounts (OpenID Connect)";
    section_digest: "まとめのメール" / "Digest mails";
    section_other: "全体" / "General";
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
    system_examined: "点検した時刻" / "Examined";
    event_system_examined: "総点検をしました" / "The installation was examined";

    // Faults
    fault_bad_request_title: "受け付けられない内容です" / "The request cannot be understood";
    fault_bad_request: "送られた内容を読み取れませんでした。前の画面からやり直してください。" / "What was sent could not be read. Please go back and try again.";
    fault_not_found_title: "ページが見つかりません" / "Page not found";
    fault_not_found: "アドレスが正しいか確認してください。" / "Please check the address.";
    fault_method_title: "この操作はできません" / "This cannot be done here";
    fault_method: "この画面では使えない方法で要求されました。" / "The page does not allow that method.";
    fault_host_title: "アドレスが登録されていません" / "Unknown address";
    fault_host: "この名前ではサービスを提供していません。案内されたアドレスを使ってください。" / "The service does not answer to this name. Use the address you were given.";
    fault_cross_site_title: "ほかのサイトからの操作は受け付けません" / "Requests from other sites are refused";
    fault_cross_site: "画面を開き直して、もう一度操作してください。" / "Open the page again and repeat what you did.";
    fault_form_title: "画面の有効期限が切れました" / "The page has expired";
    fault_form: "画面を開き直して、もう一度操作してください。" / "Open the page again and repeat what you did.";
    fault_forbidden_title: "権限がありません" / "Not allowed";
    fault_forbidden: "この画面を見る権限が、あなたの役割にはありません。" / "Your role may not see this page.";
    fault_unauthorised_title: "サインインが必要です" / "Sign-in required";
    fault_unauthorised: "この画面を見るにはサインインが必要です。" / "Sign in to see this page.";
    fault_too_large_title: "大きすぎます" / "Too large";
    fault_too_large: "送られた内容が上限を超えています。" / "What was sent is larger than the limit.";
    fault_too_many_title: "同時に送れる数を超えました" / "Too many uploads at a time";
    fault_too_many: "この端末からの送信がまだ終わっていません。終わってから、もう一度お試しください。" / "Uploads from this computer are still under way. Please try again when they have ended.";
    fault_busy_title: "混み合っています" / "Busy";
    fault_busy: "しばらくしてから、もう一度お試しください。" / "Please try again in a little while.";
    fault_internal_title: "処理できませんでした" / "That did not work";
    fault_internal: "内部で問題が起きました。続く場合は情報システム担当に連絡してください。" / "Something went wrong on our side. If it persists, contact your IT section.";
    fault_timeout_title: "時間切れです" / "Timed out";
    fault_timeout: "時間内に終わりませんでした。もう一度お試しください。" / "It did not finish in time. Please try again.";
    fault_pending_title: "まだ処理中です" / "Not finished yet";
    fault_pending: "処理が終わってから、もう一度お試しください。" / "Try again when processing has finished.";
    fault_withheld_title: "お渡しできません" / "Withheld";
    fault_withheld: "安全に作り直せなかったため、お渡しできません。理由は結果の画面にあります。" / "It could not be rebuilt safely; see the result for the reason.";
    fault_original_gone_title: "原本はもうありません" / "The original is gone";
    fault_original_gone: "原本の保存期間が過ぎたか、削除されました。作り直すには、もう一度送ってください。" / "The storage period of the original is over, or it was deleted. To have it rebuilt, send it again.";
    fault_cancelled: "作り直す前に取り消されたので、お渡しするファイルはありません。" / "It was cancelled before it was rebuilt, so there is no file.";
    fault_other_request_title: "前の要求と内容が違います" / "Not the same request";
    fault_other_request: "同じ Idempotency-Key で、違う内容が送られました。" / "The Idempotency-Key was used before with other content.";
    fault_back: "はじめの画面へ" / "To the first page";

    // In the place of a download or upload (ICAP)
    icap_withheld_title: "ファイルをお渡しできません" / "This file is withheld";
    icap_refused_title: "この通信は止めました" / "This was stopped";
    icap_patience_title: "ファイルを作り直しています" / "The file is being rebuilt";
    icap_site_error_title: "接続先のサイトがエラーを返しました" / "The site answered with an error";
    icap_file: "ファイル" / "File";
    icap_why: "理由" / "Reason";
    icap_limit: "上限" / "Limit";
    icap_status: "状態コード" / "Status code";
    icap_see_result: "結果の画面を開く" / "Open the result";
    icap_patience: "安全な形に作り直すのに時間がかかっています。この画面を閉じても処理は続きます。" / "Rebuilding takes a while. You may close this page; processing goes on.";
    icap_fetch_later: "できあがったファイルは、次の画面で受け取ってください。同じファイルをもう一度ダウンロードする必要はありません。" / "Fetch the rebuilt file from the page below. There is no need to download it again.";
    icap_send_later: "送信は止めました。できあがったファイルを次の画面で受け取り、それを送ってください。" / "The upload was stopped. Fetch the rebuilt file from the page below and send that one.";
    icap_ask_later: "しばらくしてからもう一度お試しください。続く場合は、受付番号を添えて情報システム担当に連絡してください。" / "Try again in a while. If it persists, contact your IT section with the receipt number.";
    icap_partial: "ファイルの一部だけの通信は、安全に作り直せません。ファイル全体をダウンロードし直してください。" / "A piece of a file cannot be rebuilt. Download the whole file again.";
    icap_encoded: "圧縮された通信は、安全に作り直せません。続く場合は情報システム担当に連絡してください（プロキシーで Accept-Encoding を外す設定が必要です）。" / "A compressed transfer cannot be rebuilt. If it persists, contact your IT section (the proxy has to remove Accept-Encoding).";
    icap_web_page: "ここを通せるのはファイルだけです。Webページを見るための通信は通しません。" / "Only files pass here; what web pages are made of does not.";
    icap_not_a_file: "ここを通せるのは、ファイルそのものと、ファイルを添付するフォームだけです。" / "Only files, and forms with files, pass here.";
    icap_too_large: "大きさの上限を超えているため、受け付けませんでした。" / "It is larger than the limit.";
    icap_ambiguous: "通信の説明（ヘッダー）に矛盾があるため、受け付けませんでした。" / "Its description (header) contradicts itself.";
    icap_form: "フォームを読み取れないため、受け付けませんでした。" / "The form cannot be read.";
    icap_site_error: "接続先のサイトのエラー画面は、安全のため表示しません。" / "The site's own error page is not shown, for safety.";
}

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

/// How often a password may still be typed, and until when.
pub(crate) fn tries_left(language: Language, left: u32, until: &str) -> String {
    match language {
        Language::Ja => format!("残り {left}回 / {until} まで"),
        Language::En => format!("{left} tries left, until {until}"),
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
    fn the_first_page_lists_what_the_readme_says_is_rebuilt() {
        // What a row of the table is called on the page.
        let words = |row: &str| {
            match row {
                "mail (RFC 5322)" => "EML",
                "Outlook message (msg, TNEF)" => "Outlook msg TNEF",
                "text" => "RTF",
                "dBASE (dbf)" => "dBASE",
                "HEIC (photographs of telephones)" => "HEIC",
                "docx, xlsx, pptx and their macro, template and show kinds" => "Word Excel PowerPoint docx xlsx pptx",
                "一太郎 8 and later (jtd, jtt, jtdc, jttc)" => "一太郎",
                "signed files (p7m), AppleSingle, BinHex" => "p7m AppleSingle BinHex",
                _ => "",
            }
            .to_owned()
        };
        let readme = include_str!("../../../README.md");
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
                assert!(JA.upload_formats_list.to_lowercase().contains(&word.to_lowercase()), "{word} of {row}");
                let english = word.replace("一太郎", "Ichitaro");
                assert!(EN.upload_formats_list.to_lowercase().contains(&english.to_lowercase()), "{word} of {row}");
            }
        }
    }

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
