using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Containers.Tests.Images;

/// <summary>
/// An image of four layers for the tests of a class, as an OCI layout that skopeo made: busybox, files, and layers with whiteouts,
/// an opaque directory, a replaced directory and hard links.
/// </summary>
public sealed class SampleImage : IDisposable
{
    private readonly HostState _host = new();
    private readonly TestDirectory _directory = new();

    // Made when it is first asked for: a fixture's constructor cannot skip the tests of its class.
    private readonly Lazy<(string Archive, string Layout)> _made;

    public SampleImage() => _made = new(Make);

    private (string Archive, string Layout) Make()
    {
        Requires.Owners();
        Requires.Tools("skopeo", "busybox");
        HandMadeArchive archive = new(_directory, "sample.tar") { Tag = "example.org/sample:1" };
        archive.AddLayer("""
            mkdir -p bin etc/conf.d var/lib/old usr/share/replaced
            cp "$(command -v busybox)" bin/busybox; for applet in sh cat ls echo sleep true; do ln -s busybox bin/$applet; done
            echo 'root:x:0:0:root:/root:/bin/sh' > etc/passwd; echo base > etc/release; echo old > etc/gone; echo 1 > etc/conf.d/one
            touch var/lib/old/{a,b,c}; ln etc/release etc/hard; chmod 4755 bin/busybox; chown 5:6 etc/gone
            """);
        archive.AddLayer("mkdir -p etc/conf.d usr/share; echo new > etc/added; touch etc/.wh.gone etc/conf.d/.wh..wh..opq; echo 2 > etc/conf.d/two; echo file > usr/share/replaced");
        archive.AddLayer($"head -c {Bulk} /dev/urandom > bulk; truncate -s 3M sparse; chmod 600 bulk"); // does not compress: so long is the transfer
        archive.AddLayer("mkdir -p var/lib/old etc; touch var/lib/old/.wh.b; ln -s ../var etc/link; touch -d @86400 etc/added2; setfattr -n user.note -v kept etc/added2; setcap cap_net_raw+ep etc/added2");
        archive.Config = config => config["history"] = JsonNode.Parse("""[{"created_by":"one"},{"created_by":"two"},{"created_by":"three"},{"created_by":"four"}]""");
        (string file, string layout) = (archive.Save(), _directory["layout"]);
        Skopeo("copy", $"docker-archive:{file}", $"oci:{layout}:1");
        return (file, layout);
    }

    /// <summary>Bytes of the largest layer.</summary>
    public const int Bulk = 6 << 20;

    /// <summary>The same as a docker archive.</summary>
    public string Archive => _made.Value.Archive;

    /// <summary>The layout, in which the image has the tag 1.</summary>
    public string Layout => _made.Value.Layout;

    /// <summary>Digests of the blobs of its layers, lowest first.</summary>
    public string[] LayerDigests
    {
        get
        {
            string manifest = (string)JsonNode.Parse(File.ReadAllText($"{Layout}/index.json"))!["manifests"]![0]!["digest"]!;
            return [.. JsonNode.Parse(File.ReadAllText($"{Layout}/blobs/sha256/{manifest[7..]}"))!["layers"]!.AsArray().Select(layer => (string)layer!["digest"]!)];
        }
    }

    /// <summary>A name in the fixture's directory.</summary>
    public string this[string name] => _directory[name];

    /// <summary>What the image's merged tree has to be: as the docker archive's is, which has tests of its own.</summary>
    public Image Expected => _expected ??= new ImageStore(_directory["expected"]).Load($"docker-archive:{Archive}");

    private Image? _expected;

    public static string Skopeo(params string[] arguments) => Tool.Run("skopeo", ["--insecure-policy", .. arguments]);

    /// <summary>Puts a document into a layout's blobs.</summary>
    public static string AddBlob(string layout, string content)
    {
        string digest = Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(content)));
        File.WriteAllText($"{layout}/blobs/sha256/{digest}", content);
        return "sha256:" + digest;
    }

    /// <summary>A copy of the layout, to be changed.</summary>
    public string CopyLayout(string name)
    {
        Tool.Run("cp", "-a", Layout, _directory[name]);
        return _directory[name];
    }

    /// <summary>Fails when two images show other trees.</summary>
    internal static void AssertSameTree(TestDirectory directory, Image expected, Image actual)
    {
        TreeListing.AssertEqual(OverlayMount.Listing(directory, expected), OverlayMount.Listing(directory, actual), $"{actual.Name} is not as {expected.Name}:");
    }

    public void Dispose()
    {
        _directory.Dispose();
        _host.Dispose();
    }
}
