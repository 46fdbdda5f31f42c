use acme::{ProblemType, check_contacts};

fn kind(contact: &str) -> Option<ProblemType> {
    check_contacts(&[contact.to_owned()]).err().map(|problem| problem.kind)
}

#[test]
fn usual_addresses_are_accepted() {
    for contact in [
        "mailto:test@example.com",
        "MailTo:first.last+acme@sub.example.com",
        "mailto:a@localhost",
        "mailto:user%2Btag@example.com",
        "mailto:o'brien@example.com",
        "mailto:j%C3%BCrgen@example.com",
        "mailto:a@xn--bcher-kva.example",
    ] {
        assert_eq!(kind(contact), None, "{contact}");
    }
    assert!(check_contacts(&[]).is_ok());
}

#[test]
fn row_58_other_schemes_are_unsupported_and_mailto_is_named() {
    for contact in
        ["tel:+12025551212", "https://example.com", "test@example.com", "", ":", "mailto", "mail to:a@b"]
    {
        let problem = check_contacts(&[contact.to_owned()]).unwrap_err();
        assert_eq!(problem.kind, ProblemType::UnsupportedContact, "{contact}");
        assert!(problem.detail.contains("mailto"));
    }
}

#[test]
fn row_59_wrong_mailto_urls_are_invalid() {
    for contact in [
        "mailto:",
        "mailto:a@example.com?subject=x",
        "mailto:?to=a@example.com",
        "mailto:a@example.com,b@example.com",
        "mailto:a@example.com%2Cb@example.com",
        "mailto:example.com",
        "mailto:@example.com",
        "mailto:a@",
        "mailto:a@b@example.com",
        "mailto:a%40b@example.com",
        "mailto:a b@example.com",
        "mailto:a%0d%0abcc@example.com",
        "mailto:a..b@example.com",
        "mailto:.a@example.com",
        "mailto:a@exa mple.com",
        "mailto:a@*.example.com",
        "mailto:a@-example.com",
        "mailto:a@[10.0.0.1]",
        "mailto:a@10.0.0.1",
        "mailto:a%@example.com",
        "mailto:a%zz@example.com",
        "mailto:a%ff@example.com",
        "mailto:<a@example.com>",
        "mailto:\"a b\"@example.com",
        &format!("mailto:{}@example.com", "a".repeat(65)),
        &format!("mailto:a@{}example.com", "long-label.".repeat(30)),
    ] {
        assert_eq!(kind(contact), Some(ProblemType::InvalidContact), "{contact}");
    }
    let many: Vec<String> = (0..11).map(|n| format!("mailto:a{n}@example.com")).collect();
    assert_eq!(check_contacts(&many).unwrap_err().kind, ProblemType::InvalidContact);
    assert!(check_contacts(&many[..10]).is_ok());
}

#[test]
fn the_detail_names_the_contact_by_its_number_and_reflects_nothing() {
    let contacts = ["mailto:a@example.com".to_owned(), "mailto:<script>@x".to_owned()];
    let problem = check_contacts(&contacts).unwrap_err();
    assert!(problem.detail.contains("Contact 2"), "{problem}");
    assert!(!problem.detail.contains("script"), "{problem}");
}
