//! Accounts, one by one and by a list.

macro_rules! users {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! {
            [$($rest)*] $($before)*

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
            user_platform: "全体管理者は、この画面では登録も変更もできません。ゲートウェイを運用する人が、コマンド misogi platform-admin で行います。" / "A platform administrator is neither made nor changed here, but by whoever runs the gateway, with the command misogi platform-admin.";
            user_platform_stop: "このアカウントは停止できます。利用を再開するには、先に役割を外してください。" / "This account can be disabled. Before it is enabled again, the role has to be taken away.";
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
            user_planned: "この人が予定した、まだ行われていない一括変更があります。停止するか管理者でなくすると、その時刻になっても行われません。件数: " / "Lists of changes that this person has planned and that wait for their time. If the account is stopped or no administrator any more, they are not carried out. How many: ";
        }
    };
}
