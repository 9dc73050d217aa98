//! What staff may have their files become: chosen when they are sent, or for one that is there already.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use store::{RetryPolicy, UploadFile};
use support::*;

/// Uploads as the form does, with a choice before the files.
async fn upload_as(world: &World, output: &str, files: &[(&str, &[u8])]) -> Answer {
    let form = get(world.portal, "/").await;
    let body = multipart_with(Some(&form.form_token()), &[("output", output)], files);
    let kind = multipart_type();
    let cookies = form.cookies();
    send(world.portal, "POST", "/upload", &[("Content-Type", &kind), ("Cookie", &cookies)], &body).await
}

async fn files(world: &World, path: &str) -> Vec<UploadFile> {
    let token = store::BatchToken::parse(path.strip_prefix("/b/").unwrap()).unwrap();
    world.store.batch(&token).await.unwrap().unwrap().files
}

fn receipt(page: &Answer) -> String {
    page.text().split("name=\"receipt\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_choice_of_the_form_holds_for_its_files_and_only_what_is_offered_can_be_chosen() {
    let world = world().await;
    let form = get(world.portal, "/").await.text();
    for offered in ["same", "pages", "raster"] {
        assert!(form.contains(&format!("name=\"output\" value=\"{offered}\"")), "{offered}");
    }
    assert!(!form.contains("value=\"text\""), "the site does not offer it");
    let sent = upload_as(&world, "pages", &[("a.docx", b"one"), ("b.docx", b"two")]).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    let path = sent.header("location").unwrap().to_owned();
    assert!(files(&world, &path).await.iter().all(|file| file.output == RetryPolicy::Pages));
    work(&world).await;
    let page = get(world.portal, &path).await.text();
    assert!(page.contains("出力: ページ（Office文書をPDFに）"), "{page}");
    assert_eq!(get(world.portal, &format!("{path}/files/1")).await.header("content-type"), Some("application/pdf"));
    for wrong in ["text", "x"] {
        assert_eq!(upload_as(&world, wrong, &[("a.docx", b"one")]).await.status, 422, "{wrong}");
    }
    let plain = upload_as(&world, "same", &[("a.docx", b"one")]).await.header("location").unwrap().to_owned();
    assert_eq!(files(&world, &plain).await[0].output, RetryPolicy::Same);
}

#[tokio::test]
async fn a_file_is_made_again_beside_the_first_with_a_receipt_and_an_account_of_its_own() {
    let world = world().await;
    let path = upload(&world, &[("a.docx", b"one")]).await.header("location").unwrap().to_owned();
    let page = get(world.portal, &path).await;
    assert!(!page.text().contains("/again\""), "not before it is finished");
    work(&world).await;
    let page = get(world.portal, &path).await;
    let to = format!("{path}/files/1/again");
    assert!(page.text().contains(&format!("action=\"{to}\"")), "{}", page.text());
    let receipt = receipt(&page);
    let cookies = page.cookies();
    let fields = [("receipt", receipt.as_str()), ("output", "pages")];
    for _ in 0..2 {
        let done = post_form(world.portal, &page, &to, &cookies, &fields).await;
        assert_eq!((done.status, done.header("location")), (303, Some(path.as_str())));
    }
    let both = files(&world, &path).await;
    assert_eq!(both.len(), 2, "pressed twice, there is one");
    assert_eq!((both[1].name.as_str(), both[1].bytes, both[1].output), ("a.docx", 3, RetryPolicy::Pages));
    assert!(both[0].receipt != both[1].receipt);
    work(&world).await;
    let first = get(world.portal, &format!("{path}/files/1")).await;
    assert_eq!(first.status, 200, "the first one stays");
    let second = get(world.portal, &format!("{path}/files/2")).await;
    assert_eq!((second.status, second.header("content-type")), (200, Some("application/pdf")));
    assert!(first.header("content-type") != second.header("content-type"));
    for (fields, status) in
        [([("receipt", receipt.as_str()), ("output", "text")], 422), ([("receipt", "x"), ("output", "raster")], 404)]
    {
        assert_eq!(post_form(world.portal, &page, &to, &cookies, &fields).await.status, status);
    }
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(send(world.portal, "POST", &to, &[form, ("Cookie", &cookies)], b"output=raster").await.status, 403);
}

#[tokio::test]
async fn what_is_withheld_is_made_again_from_where_its_original_lies() {
    let world = world().await;
    let path = upload(&world, &[("setup.exe", b"MZ")]).await.header("location").unwrap().to_owned();
    work(&world).await;
    let page = get(world.portal, &path).await;
    let fields = [("receipt", receipt(&page)), ("output", "raster".to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let to = format!("{path}/files/1/again");
    assert_eq!(post_form(world.portal, &page, &to, &page.cookies(), &fields).await.status, 303);
    assert_eq!(files(&world, &path).await[1].output, RetryPolicy::Raster);
    // Once somebody deletes it there is nothing to make it of.
    let item = world.store.quarantine(&store::QuarantineFilter::default()).await.unwrap().items[0].id;
    world.store.triage(&[item], store::Triage::Delete, "test", "test").await.unwrap();
    let fields = [("receipt", fields[0].1), ("output", "pages")];
    let gone = post_form(world.portal, &page, &to, &page.cookies(), &fields).await;
    assert!(gone.status == 410 && gone.text().contains("原本はもうありません"), "{}", gone.text());
    let left = get(world.portal, &path).await.text();
    assert!(left.contains("原本は削除されたか") && !left.contains(&format!("action=\"{to}\"")), "{left}");
}
