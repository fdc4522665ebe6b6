using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Containers.Tests.Images;

/// <summary>A docker archive in the old layout (ID/layer.tar), put together by hand so that every part of it can be made wrong.</summary>
internal sealed class HandMadeArchive(TestDirectory directory, string name = "image.tar")
{
    private readonly string _content = System.IO.Directory.CreateDirectory(directory[name + ".content"]).FullName;
    private readonly List<string> _layers = [];
    private readonly List<string> _diffIds = [];

    public string Path { get; } = directory[name];

    public IReadOnlyList<string> DiffIds => _diffIds;

    public string? Tag { get; init; } = "made:by-hand";

    /// <summary>Changes the config before it is written.</summary>
    public Action<JsonObject> Config { get; set; } = _ => { };

    /// <summary>Changes the manifest before it is written.</summary>
    public Action<JsonArray> Manifest { get; set; } = _ => { };

    /// <summary>A directory whose content becomes the next layer, filled by a script.</summary>
    public HandMadeArchive AddLayer(string script)
    {
        string id = $"{_layers.Count:x64}";
        string tree = Directory.CreateDirectory($"{_content}.tree").FullName;
        Directory.CreateDirectory($"{_content}/{id}");
        string tar = $"{_content}/{id}/layer.tar";
        Tool.BashAsRoot($"cd '{tree}'; {script}\ntar --numeric-owner --xattrs --xattrs-include='*' --pax-option=delete=atime,delete=ctime -cf '{tar}' .; rm -rf '{tree}'");
        return AddLayerFile($"{id}/layer.tar");
    }

    /// <summary>A layer whose tar is already in the archive's directory.</summary>
    public HandMadeArchive AddLayerFile(string nameInArchive)
    {
        _layers.Add(nameInArchive);
        string path = $"{_content}/{nameInArchive}";
        _diffIds.Add("sha256:" + Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path))));
        return this;
    }

    /// <summary>Runs a script in the archive's directory, to change what is there.</summary>
    public HandMadeArchive Change(string script)
    {
        Tool.Bash($"cd '{_content}'; {script}");
        return this;
    }

    public string Save()
    {
        JsonObject config = new()
        {
            ["architecture"] = System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "amd64",
            ["os"] = "linux",
            ["config"] = new JsonObject { ["Cmd"] = new JsonArray("sh") },
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray([.. _diffIds.Select(id => (JsonNode)id)]) },
        };
        Config(config);
        File.WriteAllText($"{_content}/config.json", config.ToJsonString());
        JsonArray manifest =
        [
            new JsonObject
            {
                [nameof(Config)] = "config.json",
                ["RepoTags"] = Tag is null ? null : new JsonArray(Tag),
                ["Layers"] = new JsonArray([.. _layers.Select(layer => (JsonNode)layer)]),
            },
        ];
        Manifest(manifest);
        if (manifest.Count > 0 || !File.Exists($"{_content}/manifest.json"))
        {
            File.WriteAllText($"{_content}/manifest.json", manifest.ToJsonString(new JsonSerializerOptions()));
        }

        Tool.Run("tar", ["-C", _content, "-cf", Path, .. Directory.GetFileSystemEntries(_content).Select(entry => System.IO.Path.GetFileName(entry)!).Order()]);
        return Path;
    }
}
