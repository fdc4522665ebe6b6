using Containers.Tests.Images;

namespace Containers.Tests.Storage;

/// <summary>Archives of images for tests of the store: busybox below, and some files of their own above.</summary>
internal sealed class MadeImages(TestDirectory directory)
{
    private const string Busybox = "mkdir -p bin etc proc sys dev tmp; cp $(command -v busybox) bin/busybox; for a in sh sleep cat rm mkdir touch mv ln chmod chown echo ls true dd; do ln -s busybox bin/$a; done; touch -h -d @0 bin/* bin . etc proc sys dev tmp";

    /// <summary>An archive with a layer of busybox and one of a script for each layer above.</summary>
    public string Archive(string? tag, params string[] layers)
    {
        HandMadeArchive archive = new HandMadeArchive(directory, $"{Guid.NewGuid():N}.tar") { Tag = tag }.AddLayer(Busybox);
        foreach (string layer in layers)
        {
            archive.AddLayer($"{layer}; find . -exec touch -h -d @0 {{}} +");
        }

        string path = archive.Save();
        Directory.Delete(path + ".content", recursive: true);
        return path;
    }
}
