using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Containers.Images.Building;

/// <summary>
/// Writes a docker archive as docker 25 and later do: blobs by their digests, manifest.json for docker's loaders, and
/// index.json with an OCI manifest for those that read OCI layouts.
/// </summary>
internal sealed class ArchiveWriter
{
    private const string Blobs = "blobs/sha256/";
    private const uint FileMode = 0x1A4; // 0644

    private readonly SortedDictionary<string, Func<Stream>> _files = new(StringComparer.Ordinal);

    private ArchiveWriter()
    {
    }

    /// <summary>This machine's architecture in Go's words.</summary>
    public static string Architecture { get; } = RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "amd64";

    /// <summary>Writes the archive beside its place and renames it.</summary>
    /// <returns>The image's id.</returns>
    public static string Write(string path, string? tag, IReadOnlyList<SortedDictionary<string, TreeEntry>> layers, ImageConfig config, DateTimeOffset time)
    {
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        List<FileStream> layerFiles = [];
        try
        {
            List<(string Digest, long Size)> descriptors = [];
            ArchiveWriter writer = new();
            foreach (SortedDictionary<string, TreeEntry> layer in layers)
            {
                FileStream file = new(temporary, Options(FileAccess.ReadWrite));
                File.Delete(temporary); // from here on it is gone with its descriptor, also when we crash
                layerFiles.Add(file);
                descriptors.Add(WriteLayer(file, layer, time));
                string name = Blobs + Digest.Hex(descriptors[^1].Digest);
                writer._files[name] = () => Rewound(file);
            }

            string id = writer.AddDocuments(tag, descriptors, config, time);
            using (FileStream archive = new(temporary, Options(FileAccess.Write)))
            {
                writer.WriteTo(archive, time);
            }

            File.Move(temporary, path, overwrite: true);
            return id;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ImageException($"The image cannot be written to \"{path}\": {exception.Message}", innerException: exception);
        }
        finally
        {
            layerFiles.ForEach(file => file.Dispose());
            if (File.Exists(temporary))
            {
                File.Delete(temporary);
            }
        }
    }

    private static FileStreamOptions Options(FileAccess access) => new()
    {
        Mode = System.IO.FileMode.CreateNew,
        Access = access,
        BufferSize = 128 << 10,
    };

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

    private string AddDocuments(string? tag, List<(string Digest, long Size)> layers, ImageConfig config, DateTimeOffset time)
    {
        byte[] configJson = BuiltDocuments.Config(config, layers.Select(layer => layer.Digest), time);
        string configName = AddBlob(configJson);
        string[] layerNames = [.. layers.Select(layer => Blobs + Digest.Hex(layer.Digest))];
        string? fullTag = tag is null ? null : tag.AsSpan(tag.LastIndexOf('/') + 1).Contains(':') ? tag : tag + ":latest";
        byte[] manifest = BuiltDocuments.OciManifest(Digest.Of(configJson), configJson.Length, layers.Select(layer => ("application/vnd.oci.image.layer.v1.tar", layer.Digest, layer.Size)));
        AddBlob(manifest);
        Add("manifest.json", BuiltDocuments.DockerManifest(configName, fullTag is null ? [] : [fullTag], layerNames));
        Add("index.json", BuiltDocuments.OciIndex(Digest.Of(manifest), manifest.Length, fullTag));
        Add("oci-layout", """{"imageLayoutVersion":"1.0.0"}"""u8.ToArray());
        return Digest.Of(configJson);
    }

    private string AddBlob(byte[] content)
    {
        string name = Blobs + Digest.Hex(Digest.Of(content));
        Add(name, content);
        return name;
    }

    private void Add(string name, byte[] content) => _files[name] = () => new MemoryStream(content);

    private void WriteTo(FileStream archive, DateTimeOffset time)
    {
        TarWriter tar = new(archive, time);
        tar.Write("blobs", TreeEntry.Directory(0x1ED));
        tar.Write("blobs/sha256", TreeEntry.Directory(0x1ED));
        foreach ((string name, Func<Stream> open) in _files)
        {
            tar.WriteFile(name, open(), FileMode);
        }

        tar.Finish();
    }
}
