namespace Containers.Benchmarks.Pull;

/// <summary>
/// A Debian root in four layers, as a docker archive put together here, and as skopeo pushed it to a registry, with gzip and with zstd. It is kept in a
/// folder: making it takes minutes.
/// </summary>
internal static class PullImage
{
    public const string Gzip = "debian:gzip", Zstd = "debian:zstd";

    /// <summary>The docker archive.</summary>
    public static string Archive(string cache)
    {
        string archive = Path.Combine(cache, "debian-layers.tar");
        if (!File.Exists(archive))
        {
            string tar = UnpackBenchmark.Debian(cache);
            Shell.Bash($"""
                set -eu
                work='{cache}/layers'; rm -rf "$work"; mkdir -p "$work/root"; cd "$work"
                tar --xattrs --xattrs-include='*' --numeric-owner -xf '{tar}' -C root
                pack() {"{"} name=$1; shift; tar --xattrs --xattrs-include='*' --numeric-owner -C root -cf "$name.tar" "$@"; {"}"}
                pack 1 --exclude=./usr/lib --exclude=./usr/share --exclude=./var .
                pack 2 ./usr/lib
                pack 3 ./usr/share
                pack 4 ./var
                ids=$(for i in 1 2 3 4; do printf ',"sha256:%s"' "$(sha256sum < $i.tar | cut -d' ' -f1)"; done)
                printf '{"{"}"architecture":"amd64","os":"linux","config":{"{"}"Cmd":["sh"]{"}"},"rootfs":{"{"}"type":"layers","diff_ids":[%s]{"}"}{"}"}' "$(echo "$ids" | cut -c2-)" > config.json
                echo '[{"{"}"Config":"config.json","RepoTags":["debian:layers"],"Layers":["1.tar","2.tar","3.tar","4.tar"]{"}"}]' > manifest.json
                tar -cf '{archive}.new' manifest.json config.json 1.tar 2.tar 3.tar 4.tar
                mv '{archive}.new' '{archive}'; cd /; rm -rf "$work"
                """);
        }

        return archive;
    }

    /// <summary>Pushes it twice, unless the registry's folder has it from an earlier run.</summary>
    public static void Push(string archive, string registry, string data)
    {
        if (!Directory.Exists(Path.Combine(data, "docker/registry/v2/repositories/debian/_manifests/tags/zstd")))
        {
            Shell.Bash($"""
                set -eu
                skopeo copy -q --dest-tls-verify=false --dest-compress-format gzip 'docker-archive:{archive}' 'docker://{registry}/{Gzip}'
                skopeo copy -q --dest-tls-verify=false --format oci --dest-compress-format zstd 'docker-archive:{archive}' 'docker://{registry}/{Zstd}'
                """);
        }
    }

    /// <summary>The files of a tag's layers in the registry's folder.</summary>
    public static IReadOnlyList<string> Blobs(string data, string tag)
    {
        string File(string digest) => $"{data}/docker/registry/v2/blobs/sha256/{digest[7..9]}/{digest[7..]}/data";
        string link = System.IO.File.ReadAllText($"{data}/docker/registry/v2/repositories/debian/_manifests/tags/{tag}/current/link");
        using System.Text.Json.JsonDocument manifest = System.Text.Json.JsonDocument.Parse(System.IO.File.ReadAllBytes(File(link)));
        return [.. manifest.RootElement.GetProperty("layers").EnumerateArray().Select(layer => File(layer.GetProperty("digest").GetString()!))];
    }
}
