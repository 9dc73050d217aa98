//! The audit log, and what each of its events is called.

macro_rules! audit {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! {
            [$($rest)*] $($before)*

            // What happened
            event_virus_found: "保管中のファイルからウイルスが見つかりました" / "A virus was found in a file that is held";
            event_reclassed: "申請の区分が変わりました" / "A request is of another class now";
            event_request_made: "原本の取り寄せを申請しました" / "An original was asked for";
            event_request_approved: "原本の取り寄せを承認しました" / "A request was approved";
            event_request_returned: "原本の取り寄せを差し戻しました" / "A request was returned";
            event_request_ended: "申請の期限が過ぎました" / "A request ended by itself";
            event_handed_over: "原本を取り出しました" / "An original was handed over";
            event_triage_held: "隔離の項目を保留しました" / "An item was held back";
            event_triage_unheld: "保留を解きました" / "A hold was ended";
            event_triage_deleted: "隔離の項目を削除しました" / "An item was deleted";
            event_triage_retried: "再処理を指示しました" / "Converting again was asked for";
            event_triage_converted: "再処理が終わりました" / "Converted again";
            event_triage_exported: "隔離の一覧を書き出しました" / "The list was exported";
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
            event_audit_exported: "監査ログを書き出しました" / "The audit log was exported";
            event_policy_tried: "下書きをファイルで試しました" / "A draft was tried on a file";
            event_policy_published: "ポリシーを公開しました" / "A policy was published";
            event_tenant_invited: "団体の最初の管理者を登録するリンクを作りました" / "A link for the first administrator of a tenant was made";
            event_tenant_added: "団体を追加しました" / "A tenant was added";
            event_tenant_changed: "団体の名前、ドメインまたはアドレスを変えました" / "A tenant's name, domains or addresses were changed";
            event_tenant_removed: "団体を削除しました" / "A tenant was removed";
            event_system_examined: "総点検をしました" / "The installation was examined";

            // The log
            audit_lead: "記録は追記だけができ、一つ前の記録の値とつながっています。書き換えがあれば改ざんの検証で分かります。" / "Entries can only be added and each is chained to the one before, so that any alteration shows.";
            audit_record: "記録を見る" / "See the record";
            audit_chain: "改ざんの検証（連鎖）" / "Chain check";
            audit_intact: "検証済み。すべての記録がつながっています。" / "Verified: every entry is intact.";
            audit_broken: "連鎖が切れています。記録が書き換えられたおそれがあります。" / "The chain is broken: entries may have been altered.";
            audit_unchecked: "まだ検証していません" / "Not verified yet";
            audit_verify: "いま検証する" / "Verify now";
            audit_head: "連鎖の末尾（別の場所に控えておくと、末尾の切り取りも分かります）" / "Head of the chain (noted elsewhere, it shows when the end is cut off)";
            audit_object: "対象（受付番号）" / "Object (receipt)";
            audit_export: "この条件で書き出す" / "Export these entries";
            audit_export_hint: "先頭に、範囲と連鎖の末尾が入ります。書き出したことも記録します。" / "The file begins with its range and the head of the chain. The export is recorded too.";
        }
    };
}
