//! Signing in: passwords, codes, passkeys, keys of programs, and one's own account.

macro_rules! people {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! {
            [$($rest)*] $($before)*

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
            sign_in_crowd: "同じ場所から同時にサインインしようとしている人が多いため、少し待ってから、もう一度試してください。" / "Many people sign in from your place at this moment. Please wait a little and try again.";
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
            sign_in_over: "組織のアカウントでのサインインを続けて確認できなかったため、サインアウトしました。もう一度サインインしてください。" / "Your organisation account no longer vouches for this sign-in, so you were signed out. Please sign in again.";
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
            scope_history: "送ったファイルの一覧を読む" / "List the files that you sent";
            scope_requests: "原本の取り寄せを申請し、申請を読む" / "Ask for originals and read requests";
            scope_webhooks: "連携の通知を読み、送り直す" / "Read webhooks and send again";
            docs_title: "APIの説明" / "API reference";
            docs_lead: "プログラムから使うための決まりです。同じ内容を機械が読める形でも配っています:" / "How programs use this service. The same in a form that programs read:";
        }
    };
}
