using Containers.Images;
using CsCheck;
using Xunit;

namespace Containers.Tests.Images;

public sealed class ImageReferenceTests
{
    private const string SomeDigest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    [Theory]
    [InlineData("docker-archive:/a/b.tar", "DockerArchive", "/a/b.tar", null)]
    [InlineData("docker-archive:/a/b.tar:alpine:3.12.0", "DockerArchive", "/a/b.tar", "alpine:3.12.0")]
    [InlineData("docker-archive:/a/b.tar:alpine", "DockerArchive", "/a/b.tar", "alpine")]
    [InlineData("docker-archive:/a/b.tar:localhost:5000/team/app:1", "DockerArchive", "/a/b.tar", "localhost:5000/team/app:1")]
    [InlineData("docker-archive:/a/../b.tar", "DockerArchive", "/b.tar", null)]
    [InlineData("oci:/srv/layout", "Oci", "/srv/layout", null)]
    [InlineData("oci:/srv/layout:1.0", "Oci", "/srv/layout", "1.0")]
    [InlineData("oci:/srv/layout:localhost:5000/app:1", "Oci", "/srv/layout", "localhost:5000/app:1")]
    [InlineData("oci-archive:/srv/image.tar", "OciArchive", "/srv/image.tar", null)]
    [InlineData("oci-archive:/srv/image.tar:latest", "OciArchive", "/srv/image.tar", "latest")]
    [InlineData("dir:/srv/image", "Dir", "/srv/image", null)]
    [InlineData("dir:/srv/with:colon", "Dir", "/srv/with:colon", null)]
    [InlineData("rootfs:/srv/root", "Rootfs", "/srv/root", null)]
    [InlineData("rootfs:/srv/with:colon", "Rootfs", "/srv/with:colon", null)]
    [InlineData("/srv/root", "Any", "/srv/root", null)]
    [InlineData("/srv/with:colon", "Any", "/srv/with:colon", null)]
    [InlineData("/srv/with blank", "Any", "/srv/with blank", null)]
    public void Text_is_read(string text, string transport, string path, string? tag)
        => Assert.Equal(new ImageReference(Enum.Parse<ImageTransport>(transport), path, tag), ImageReference.Parse(text));

    [Theory]
    [InlineData("image.tar", "image.tar")]
    [InlineData("image.tar.gz", "image.tar.gz")]
    [InlineData("image.tgz", "image.tgz")]
    [InlineData("folder/image.tar.zst", "folder/image.tar.zst")]
    [InlineData("image.tar.xz", "image.tar.xz")]
    [InlineData("./image:1", "image:1")]
    [InlineData("./debian", "debian")]
    [InlineData("docker-archive:image.tar", "image.tar")]
    [InlineData("oci:layout:1", "layout")]
    [InlineData("oci-archive:a.tar", "a.tar")]
    [InlineData("dir:a.tar", "a.tar")]
    public void Relative_paths_count_from_the_current_directory(string text, string path)
        => Assert.Equal(Path.Combine(Environment.CurrentDirectory, path), ImageReference.Parse(text).Path);

    [Theory]
    [InlineData("debian", "docker.io", "library/debian", "latest", null)]
    [InlineData("debian:12", "docker.io", "library/debian", "12", null)]
    [InlineData("docker://debian:12", "docker.io", "library/debian", "12", null)]
    [InlineData("docker:28-dind", "docker.io", "library/docker", "28-dind", null)]
    [InlineData("image.tar:1", "docker.io", "library/image.tar", "1", null)]
    [InlineData("team/app", "docker.io", "team/app", "latest", null)]
    [InlineData("docker.io/debian", "docker.io", "library/debian", "latest", null)]
    [InlineData("index.docker.io/library/debian:12", "docker.io", "library/debian", "12", null)]
    [InlineData("docker.io/team/app:1", "docker.io", "team/app", "1", null)]
    [InlineData("localhost/app", "localhost", "app", "latest", null)]
    [InlineData("localhost:5000/app:1", "localhost:5000", "app", "1", null)]
    [InlineData("docker://127.0.0.1:5000/a/b", "127.0.0.1:5000", "a/b", "latest", null)]
    [InlineData("[::1]:5000/app:1", "[::1]:5000", "app", "1", null)]
    [InlineData("[::1]/app", "[::1]", "app", "latest", null)]
    [InlineData("Registry.Example.ORG/a/b/c:V2.0_x-y", "registry.example.org", "a/b/c", "V2.0_x-y", null)]
    [InlineData("xn--n3h.example/app", "xn--n3h.example", "app", "latest", null)]
    [InlineData("debian@" + SomeDigest, "docker.io", "library/debian", null, SomeDigest)]
    [InlineData("localhost:5000/app:1@" + SomeDigest, "localhost:5000", "app", "1", SomeDigest)]
    [InlineData("a__b/c-d--e/f.g_h", "docker.io", "a__b/c-d--e/f.g_h", "latest", null)]
    public void Names_are_read(string text, string registry, string repository, string? tag, string? digest)
    {
        ImageReference reference = ImageReference.Parse(text);
        Assert.Equal(ImageTransport.Docker, reference.Transport);
        Assert.Equal(new ImageName(registry, repository, tag, digest), reference.Name);
        Assert.Equal(reference.Name, ImageName.Parse(reference.Name!.ToString()));
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("a\0b", "NUL")]
    [InlineData("docker-archive:", "names no path")]
    [InlineData("rootfs:", "names no path")]
    [InlineData("dir:", "names no path")]
    [InlineData("oci::latest", "names no path")]
    [InlineData("docker-archive:/a.tar:", "no name follows")]
    [InlineData("oci:/layout:", "no name follows")]
    [InlineData("docker-daemon:alpine", "docker-daemon: needs another engine")]
    [InlineData("containers-storage:alpine", "containers-storage: needs another engine")]
    [InlineData("https://localhost:5000/app", "named without https://")]
    [InlineData("docker://", "no repository is named")]
    [InlineData("docker:///app", "no repository's name")]
    [InlineData("localhost:5000/", "no repository is named")]
    [InlineData("Debian:12", "Did you mean debian:12?")]
    [InlineData("localhost/Team/app", "upper-case letters")]
    [InlineData("debian:", "\"\" is no tag")]
    [InlineData("debian:-1", "\"-1\" is no tag")]
    [InlineData("debian:a b", "\"a b\" is no tag")]
    [InlineData("debian:12\n", "is no tag")]
    [InlineData("debian@sha256:123", "\"sha256:123\" is no digest")]
    [InlineData("debian@", "\"\" is no digest")]
    [InlineData("debian@sha512:" + "00", "is no digest")]
    [InlineData(SomeDigest, "an image's id and no name")]
    [InlineData("a//b", "\"a//b\" is no repository's name")]
    [InlineData("a/../b", "is no repository's name")]
    [InlineData("-a", "is no repository's name")]
    [InlineData("a___b", "is no repository's name")]
    [InlineData("app.-x/y", "no host name")]
    [InlineData("localhost:99999/app", "\"99999\" is no port")]
    [InlineData("localhost:0/app", "\"0\" is no port")]
    [InlineData("example.org:port/app", "no host name")]
    [InlineData("user:secret@localhost/app", "no digest")]
    public void What_is_not_understood_is_said(string text, string message)
        => Assert.Contains(message, Assert.Throws<ImageException>(() => ImageReference.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Lengths_have_limits()
    {
        string longest = "localhost/" + new string('a', 255) + ":" + new string('t', 128);
        Assert.Equal(255, ImageReference.Parse(longest).Name!.Repository.Length);
        Assert.Contains("255 are the most", Assert.Throws<ImageException>(() => ImageReference.Parse("localhost/a" + longest["localhost/".Length..])).Message, StringComparison.Ordinal);
        Assert.Contains("is no tag", Assert.Throws<ImageException>(() => ImageReference.Parse(longest + "t")).Message, StringComparison.Ordinal);
        Assert.Contains("are the most", Assert.Throws<ImageException>(() => ImageReference.Parse("/" + new string('x', 10_000))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_text_is_a_reference_or_one_clear_error()
    {
        string[] parts = ["docker://", "oci:", "dir:", "docker-archive:", "http://", ":", "@", "/", ".", "..", "a", "Z", "library", "localhost", ":5000", "sha256", SomeDigest, "[::1]", "-", "__", ".tar", "é", "\n", " ", "\ud800", "%2e"];
        Gen.OneOf(Gen.Int[0, parts.Length - 1].Select(i => parts[i]).Array[0, 12].Select(string.Concat), Gen.String).Sample(
            text =>
            {
                try
                {
                    ImageReference reference = ImageReference.Parse(text);
                    if (reference.Name is { } name)
                    {
                        Assert.Equal(name, ImageName.Parse(name.ToString())); // and what is printed is read as the same
                        Assert.DoesNotContain("..", name.Full, StringComparison.Ordinal); // is a part of paths and addresses
                    }
                    else
                    {
                        Assert.StartsWith("/", reference.Path, StringComparison.Ordinal);
                    }
                }
                catch (ImageException)
                {
                }

                _ = ImageName.Normalize(text);
            },
            iter: 20_000);
    }

    [Theory]
    [InlineData("busybox", "docker.io/library/busybox:latest")]
    [InlineData("busybox:1.36", "docker.io/library/busybox:1.36")]
    [InlineData("team/app:1", "docker.io/team/app:1")]
    [InlineData("docker.io/busybox", "docker.io/library/busybox:latest")]
    [InlineData("localhost/app:1", "localhost/app:1")]
    [InlineData("localhost:5000/app", "localhost:5000/app:latest")]
    [InlineData("example.org/a/b/c:2", "example.org/a/b/c:2")]
    public void Short_names_stand_for_long_ones(string name, string full) => Assert.Equal(full, ImageName.Normalize(name));
}
