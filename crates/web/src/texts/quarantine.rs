//! The quarantine: its list, looking at an item, opening it, acting on it.

macro_rules! quarantine {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! {
            [$($rest)*] $($before)*

            // Acting on items
            triage_still_inside: "この部分はもう取り出せませんが、中身は元のメールまたはファイル全体の原本の中に残っています。同じメールのほかの保管中の項目を削除または送信し終え、申請が無くなった後の削除で、全体の原本も消えます。遅くとも消える時刻: " / "This part cannot be taken out any more, but its bytes are still inside the whole original that it came in. That goes too when the last other item of it is deleted or sent and nobody asks for anything of it. At the latest: ";
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

            // The list, an item, and its password
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

            // Original and result beside each other
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
        }
    };
}
