//! Requests for originals: asking, deciding, taking out.

macro_rules! requests {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! {
            [$($rest)*] $($before)*

            // Requests for originals
            nav_requests: "申請" / "Requests";
            nav_approvals: "承認" / "Approvals";
            nav_requests_all: "申請・承認" / "Requests";
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
            request_account_since: "（アカウント作成 " / "(account since ";
            request_account_since_end: "）" / ")";
            request_uncounted: "アカウントの停止、役割の変更、またはウイルスの検知により、この承認は数えません。" / "The account was stopped or has another role, or there is a virus: this approval does not count.";
            fetch_title: "原本を取り出す" / "Take out the original";
            fetch_open: "原本を取り出す（暗号化ZIP）" / "Take out the original (encrypted ZIP)";
            fetch_lead: "このパスワードは、この画面に一度だけ表示されます。控えてからダウンロードしてください。ダウンロードした時点で、1回分として記録されます。" / "This password is shown only once, on this page. Note it down, then download. The download is counted and put on record.";
            fetch_warning: "中身は外部から届いたままのファイルです。インターネット側の端末だけで開き、LGWAN側へ移さないでください。" / "Inside is the file as it came from outside. Open it on the internet side only, and never move it to the LGWAN side.";
            fetch_submit: "ダウンロードする" / "Download";

            // Why somebody may not
            denied_title: "この操作はできません" / "This cannot be done";
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
        }
    };
}
