using Containers.Images;
using Xunit;

namespace Containers.Tests.Images;

public sealed class ImageReferenceTests
{
    [Theory]
    [InlineData("docker-archive:/a/b.tar", "DockerArchive", "/a/b.tar", null)]
    [InlineData("docker-archive:/a/b.tar:alpine:3.12.0", "DockerArchive", "/a/b.tar", "alpine:3.12.0")]
    [InlineData("docker-archive:/a/b.tar:alpine", "DockerArchive", "/a/b.tar", "alpine")]
    [InlineData("docker-archive:/a/b.tar:localhost:5000/team/app:1", "DockerArchive", "/a/b.tar", "localhost:5000/team/app:1")]
    [InlineData("docker-archive:/a/../b.tar", "DockerArchive", "/b.tar", null)]
    [InlineData("rootfs:/srv/root", "Rootfs", "/srv/root", null)]
    [InlineData("rootfs:/srv/with:colon", "Rootfs", "/srv/with:colon", null)]
    [InlineData("/srv/root", "Any", "/srv/root", null)]
    [InlineData("/srv/with:colon", "Any", "/srv/with:colon", null)]
    [InlineData("/srv/with blank", "Any", "/srv/with blank", null)]
    public void Text_is_read(string text, string transport, string path, string? tag)
        => Assert.Equal(new ImageReference(Enum.Parse<ImageTransport>(transport), path, tag), ImageReference.Parse(text));

    [Theory]
    [InlineData("image.tar", "image.tar")]
    [InlineData("./image:1.tar", "image:1.tar")]
    [InlineData("docker-archive:image.tar", "image.tar")]
    [InlineData("image.tar:1", "image.tar:1")]
    public void Relative_paths_count_from_the_current_directory(string text, string path)
        => Assert.Equal(Path.Combine(Environment.CurrentDirectory, path), ImageReference.Parse(text).Path);

    [Theory]
    [InlineData("", "empty")]
    [InlineData("a\0b", "NUL")]
    [InlineData("docker-archive:", "names no path")]
    [InlineData("rootfs:", "names no path")]
    [InlineData("docker-archive:/a.tar:", "no name follows")]
    [InlineData("docker://alpine", "docker: is not supported yet")]
    [InlineData("oci:/layout:latest", "oci: is not supported yet")]
    [InlineData("oci-archive:/a.tar", "oci-archive: is not supported yet")]
    [InlineData("alpine:3.12", "registries are not supported yet")]
    public void What_is_not_understood_is_said(string text, string message)
        => Assert.Contains(message, Assert.Throws<ImageException>(() => ImageReference.Parse(text)).Message, StringComparison.Ordinal);

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
