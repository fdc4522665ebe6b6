using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Containers.Images.Archives;
using Containers.Images.Manifests;
using Containers.Images.Saving;

namespace Containers.Images.Building;

/// <summary>
/// Writes a docker archive as docker 25 and later do: blobs by their digests, manifest.json for docker's loaders, and
/// index.json with an OCI manifest for those that read OCI layouts.
/// </summary>
internal static class ArchiveWriter
{
    private const string Blobs = "blobs/sha256/";

    /// <summary>This machine's architecture in Go's words.</summary>
    public static string Architecture { get; } = RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "amd64";

    /// <summary>Writes the archive beside its place and renames it.</summary>
    /// <returns>The image's id.</returns>
    public static string Write(string path, string? tag, IReadOnlyList<SortedDictionary<string, TreeEntry>> layers, ImageConfig config, DateTimeOffset time)
    {
        List<FileStream> layerFiles = [];
        try
        {
            List<(string Digest, long Size)> descriptors = [];
            OutputFiles files = new();
            foreach (SortedDictionary<string, TreeEntry> layer in layers)
            {
                FileStream file = MakeNameless(path);
                layerFiles.Add(file);
                descriptors.Add(WriteLayer(file, layer, time));
                files.AddBlob(Blobs + Digest.Hex(descriptors[^1].Digest), () => Rewound(file));
            }

            string id = AddDocuments(files, tag, descriptors, config, time);
            files.WriteArchive(path, time);
            return id;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ImageException($"The image cannot be written to \"{path}\": {exception.Message}", innerException: exception);
        }
        finally
        {
            layerFiles.ForEach(file => file.Dispose());
        }
    }

    // A file beside the archive that is gone with its descriptor, also when we crash.
    private static FileStream MakeNameless(string path)
    {
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        FileStream file = new(temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, BufferSize = 128 << 10 });
        File.Delete(temporary);
        return file;
    }

    private static (string Digest, long Size) WriteLayer(FileStream file, SortedDictionary<string, TreeEntry> layer, DateTimeOffset time)
    {
        WriteLayer((Stream)file, layer, time);
        file.Flush();
        file.Position = 0;
        return (Digest.Prefix + Convert.ToHexStringLower(SHA256.HashData(file)), file.Length);
    }

    /// <summary>Writes a layer's tar.</summary>
    public static void WriteLayer(Stream output, SortedDictionary<string, TreeEntry> layer, DateTimeOffset time)
    {
        TarWriter tar = new(output, time);
        foreach ((string path, TreeEntry entry) in layer)
        {
            tar.Write(path, entry);
        }

        tar.Finish();
    }

    private static FileStream Rewound(FileStream file)
    {
        file.Position = 0;
        return file;
    }

    private static string AddDocuments(OutputFiles files, string? tag, List<(string Digest, long Size)> layers, ImageConfig config, DateTimeOffset time)
    {
        byte[] configJson = BuiltDocuments.Config(config, layers.Select(layer => layer.Digest), time);
        string id = Digest.Of(configJson), configName = Blobs + Digest.Hex(id);
        string[] layerNames = [.. layers.Select(layer => Blobs + Digest.Hex(layer.Digest))];
        string? fullTag = tag is null ? null : tag.AsSpan(tag.LastIndexOf('/') + 1).Contains(':') ? tag : tag + ":latest";
        byte[] manifest = BuiltDocuments.OciManifest(id, configJson.Length, layers.Select(layer => (MediaTypes.OciLayer, layer.Digest, layer.Size)));
        string manifestDigest = Digest.Of(manifest);
        files.AddBlob(configName, configJson);
        files.AddBlob(Blobs + Digest.Hex(manifestDigest), manifest);
        files.AddDocument(Manifest.FileName, BuiltDocuments.DockerManifest(configName, fullTag is null ? [] : [fullTag], layerNames));
        files.AddDocument("index.json", BuiltDocuments.OciIndex(manifestDigest, manifest.Length, fullTag));
        files.AddDocument("oci-layout", BuiltDocuments.OciLayout);
        return id;
    }
}
