"""Links in folders: none leads in circles, nor out of the folder unless that is asked for."""


def test_links(tmp_path, warnings, fill, walk_names):
    tree, outside = tmp_path / "tree", tmp_path / "tree-outside"
    fill(tree, "a/b.jpg", "a/c.jpg")
    fill(outside, "x/d.jpg", "e.jpg")
    (tree / "inside.jpg").symlink_to("a/b.jpg")
    (tree / "gone.jpg").symlink_to("a/gone.jpg")
    (tree / "out.jpg").symlink_to(outside / "e.jpg")
    (tree / "out-gone.jpg").symlink_to(outside / "gone.jpg")
    (tree / "folder").symlink_to("a")
    (tree / "folder-out").symlink_to(outside)
    assert walk_names(tree) == ["gone.jpg", "inside.jpg", "a/b.jpg", "a/c.jpg"]
    assert warnings == [
        f"{tree}: passed over 2 links to folders; name them as inputs, or say --follow-links.",
        f"{tree}: passed over 2 links that lead out of the folder; say --follow-links to take "
        "them.",
    ]


def test_links_are_followed(tmp_path, warnings, fill, walk_names):
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    fill(tree, "a/b.jpg")
    fill(outside, "x/d.jpg", "e.jpg")
    (tree / "out.jpg").symlink_to(outside / "e.jpg")
    (tree / "folder-out").symlink_to(outside)
    found = walk_names(tree, follow_links=True)
    assert found == ["out.jpg", "a/b.jpg", "folder-out/x/d.jpg"]
    assert warnings == [f"{tree}: passed over 1 image that is found under another name."]


def test_images_that_links_give_several_names_are_given_once(tmp_path, warnings, fill, walk_names):
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    fill(tree, "b/c.jpg", "b/blob")
    fill(outside, "e.jpg")
    (tree / "a.jpg").symlink_to("b/c.jpg")
    (tree / "blob.jpg").symlink_to("b/blob")  # without a suffix, so not found without the link
    (tree / "e.jpg").symlink_to(outside / "e.jpg")
    (tree / "f.jpg").symlink_to(outside / "e.jpg")
    (tree / "up").symlink_to(tmp_path)
    assert walk_names(tree, follow_links=True) == ["blob.jpg", "e.jpg", "b/c.jpg"]
    assert warnings == [
        f"{tree}: passed over 1 file without an image's suffix.",
        f"{tree}: passed over 2 images that are found under other names.",
        f"{tree}: passed over 1 link to a folder that this one lies in.",
    ]


def test_links_in_circles(tmp_path, warnings, fill, walk_names):
    fill(tmp_path, "a/b.jpg", "a/c/d.jpg")
    (tmp_path / "a" / "c" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "here").symlink_to(".")
    (tmp_path / "z").symlink_to("a")
    assert walk_names(tmp_path, follow_links=True) == ["a/b.jpg", "a/c/d.jpg"]
    assert warnings == [f"{tmp_path}: passed over 3 links to folders that are searched anyway."]


def test_a_link_to_itself_is_given_and_its_row_will_say_so(tmp_path, warnings, walk_names):
    (tmp_path / "a.jpg").symlink_to("b.jpg")
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    (tmp_path / "c").symlink_to("c")
    assert walk_names(tmp_path) == ["a.jpg", "b.jpg"]
    assert walk_names(tmp_path, follow_links=True) == ["a.jpg", "b.jpg"]
    sentence = "passed over 1 file that cannot be read and has no image's suffix."
    assert warnings == [f"{tmp_path}: {sentence}"] * 2


def test_a_folder_that_is_a_link_is_searched(tmp_path, warnings, fill, walk_names):
    fill(tmp_path, "a/b.jpg")
    (tmp_path / "a" / "c.jpg").symlink_to("b.jpg")
    (tmp_path / "link").symlink_to("a")
    assert walk_names(tmp_path / "link") == ["b.jpg", "c.jpg"]
    assert warnings == []
