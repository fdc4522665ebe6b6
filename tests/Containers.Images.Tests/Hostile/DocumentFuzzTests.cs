using System.Text;
using Containers.Images.Archives;
using Containers.Images.Manifests;
using CsCheck;
using Xunit;

namespace Containers.Tests.Hostile;

/// <summary>
/// The JSON of images with bytes changed, cut and doubled, and values exchanged for wrong ones: it is read, or refused with an <see cref="ImageException"/>, and nothing else.
/// CsCheck_Seed and CsCheck_Time repeat and prolong it.
/// </summary>
public sealed class DocumentFuzzTests
{
    private const int Iterations = 20_000;
    private const string Digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    private static readonly string[] s_documents =
    [
        $$$"""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{{{Digest}}}","size":7},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{{{Digest}}}","size":32654,"urls":[]}],"annotations":{"a":"b"}}""",
        $$$"""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{{{Digest}}}","size":7143,"platform":{"architecture":"amd64","os":"linux","variant":"v8","os.version":"1"}}]}""",
        $$$"""{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":"{{{Digest}}}","size":7023},"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","digest":"{{{Digest}}}","size":32654}]}""",
        $$$"""{"created":"2015-10-31T22:22:56.015925234Z","author":"a","architecture":"amd64","os":"linux","config":{"User":"alice","ExposedPorts":{"8080/tcp":{}},"Env":["A=b"],"Entrypoint":["/bin/a"],"Cmd":["--x"],"Volumes":{"/v":{}},"WorkingDir":"/home","Labels":{"l":"m"},"StopSignal":"SIGTERM"},"rootfs":{"diff_ids":["{{{Digest}}}","{{{Digest}}}"],"type":"layers"},"history":[{"created":"2015-10-31T22:22:54.690851953Z","created_by":"/bin/sh","empty_layer":true},{"created_by":"x"},{"created_by":"y"}]}""",
        """[{"Config":"config.json","RepoTags":["a:1","b:2"],"Layers":["1/layer.tar","2/layer.tar"]},{"Config":"c2.json","RepoTags":null,"Layers":[]}]""",
    ];

    private static readonly string[] s_values =
    [
        "null", "true", "-1", "0", "1e400", "99999999999999999999", "2147483648", "\"\"", "\"..\"", "\"sha256:\"", "\"sha512:00\"", "\"\\u0000\"", "\"\\ud800\"", "[]", "{}", "[null]", "[[]]", "{\"a\":{}}",
        "\"" + new string('x', 5000) + "\"", new string('[', 200) + new string(']', 200),
    ];

    [Fact]
    public void No_document_does_more_than_be_refused()
    {
        int read = 0;
        Gen<(int Kind, int At, int Other)[]> mutations = Gen.Select(Gen.Int[0, 5], Gen.Int[0, int.MaxValue], Gen.Int[0, int.MaxValue]).Array[0, 5];
        Gen.Select(Gen.Int[0, s_documents.Length - 1], mutations).Sample((document, changes) =>
        {
            byte[] json = Mutate(s_documents[document], changes);
            foreach (Action attempt in (Action[])[
                () => ManifestDocument.Parse(json, null, "here"), () => ManifestDocument.Parse(json, MediaTypes.OciIndex, "here"), () => PlatformChoice.Choose(ManifestDocument.Parse(json, null, "here").Manifests ?? [], ImagePlatform.Host, "here"),
                () => Config.Parse(json, "here", null), () => Config.Describe(json, "here", 2), () => Config.ForPlatform(json, "here", 2, ImagePlatform.Host),
                () => { IReadOnlyList<ManifestEntry> entries = Manifest.Parse(json, "here"); _ = Manifest.Choose(entries, "a:1", "here"); _ = Manifest.Tags(entries[0]).ToList(); }])
            {
                try
                {
                    attempt();
                    read++;
                }
                catch (ImageException exception)
                {
                    Assert.StartsWith("here", exception.Message.Replace("docker-archive:", "", StringComparison.Ordinal), StringComparison.Ordinal);
                    Assert.InRange(exception.Message.Length, 10, 3100);
                    Assert.DoesNotContain(exception.Message, character => char.IsControl(character) && character is not ('\n' or '\t'));
                }
            }
        }, iter: Iterations, threads: 1);
        Assert.InRange(read, Iterations / 20, int.MaxValue); // a good part still are documents
    }

    [Fact]
    public void Words_of_a_document_that_are_too_long_or_commands_to_a_terminal_are_not_repeated()
    {
        string type = new string('x', 5000) + "\u001b[2J" + new string('y', 5000) + "\u009b";
        string json = $$"""{"schemaVersion":2,"mediaType":{{System.Text.Json.JsonSerializer.Serialize(type)}},"config":{},"layers":[]}""";

        string message = Assert.Throws<ImageException>(() => ManifestDocument.Parse(Encoding.UTF8.GetBytes(json), null, "here")).Message;

        Assert.InRange(message.Length, 100, 2500);
        Assert.StartsWith("here: the manifest has the type xxx", message);
        Assert.EndsWith("yyy\\u009b, which is no image's.", message);
    }

    private static byte[] Mutate(string document, (int Kind, int At, int Other)[] changes)
    {
        string text = document;
        foreach ((int kind, int at, int other) in changes)
        {
            if (text.Length < 2)
            {
                break;
            }

            int position = at % text.Length, second = other % text.Length;
            text = kind switch
            {
                0 => text[..position] + (char)(other % 127) + text[(position + 1)..],
                1 => text[..position],
                2 => text[..Math.Min(position, second)] + text[Math.Max(position, second)..],
                3 => text[..position] + text[Math.Min(position, second)..Math.Max(position, second)] + text[position..],
                _ => Exchange(text, position, s_values[other % s_values.Length]),
            };
        }

        return Encoding.UTF8.GetBytes(text);
    }

    // The value behind the next colon or comma.
    private static string Exchange(string text, int position, string value)
    {
        int begin = text.IndexOfAny([':', ',', '['], position) + 1;
        if (begin == 0)
        {
            return text;
        }

        int end = begin < text.Length && text[begin] == '"' ? text.IndexOf('"', begin + 1) + 1 : text.IndexOfAny([',', '}', ']'], begin);
        return end <= begin ? text : text[..begin] + value + text[end..];
    }
}
