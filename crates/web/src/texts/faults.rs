//! What cannot be done, and why.

macro_rules! faults {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! {
            [$($rest)*] $($before)*

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
        }
    };
}
