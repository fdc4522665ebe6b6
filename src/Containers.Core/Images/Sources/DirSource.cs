using Containers.Images.Manifests;

namespace Containers.Images.Sources;

/// <summary>What skopeo writes to dir: — manifest.json, HEX for each blob, and HEX.manifest.json for those that an index lists.</summary>
/// <param name="files">Where the files are.</param>
/// <param name="where">The directory in the words of a reference.</param>
internal sealed class DirSource(LayoutFiles files, string where) : BlobSource
{
    public const string Mark = "version";
    public const string Manifest = "manifest.json";

    public const string Hint = "skopeo copy IMAGE dir:PATH makes such a directory.";

    public override string Where => where;

    public override void Dispose() => files.Dispose();

    /// <summary>Whether files are such a directory.</summary>
    public static bool IsOne(LayoutFiles files)
    {
        using Stream? mark = files.TryOpen(Mark);
        if (mark is null)
        {
            return false;
        }

        byte[] start = new byte[27];
        mark.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        return start.AsSpan().SequenceEqual("Directory Transport Version"u8);
    }

    protected override ValueTask<(IReadOnlyList<string> Names, byte[] Content, string? MediaType)> ReadFirstAsync(ImagePlatform? platform, CancellationToken cancellation)
        => new(([], files.Read(Manifest, where, Hint), null));

    protected override ValueTask<byte[]> ReadManifestAsync(Descriptor descriptor, CancellationToken cancellation) => new(ReadManifestBlob(descriptor, cancellation));

    protected override BlobInput OpenBlob(Descriptor descriptor, string what, CancellationToken cancellation)
    {
        string hex = Digest.Hex(descriptor.Check(where, what).Digest!);
        Stream stream = files.TryOpen(hex) ?? files.TryOpen($"{hex}.manifest.json")
            ?? throw new ImageException($"{where}: the blob of {what} ({descriptor.Digest}) is not there.", "The directory is not complete. Copy the image again; for one of several machines say which, or --all.");
        return new BlobInput(stream, descriptor, what);
    }
}
