//! What stands in the place of a download or upload through a proxy.

macro_rules! icap {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! {
            [$($rest)*] $($before)*

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
    };
}
