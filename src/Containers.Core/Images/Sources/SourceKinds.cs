using Containers.Images.Archives;
using Containers.Storage;

namespace Containers.Images.Sources;

/// <summary>Tells what is at a path, by its content where the reference does not say.</summary>
internal static class SourceKinds
{
    /// <summary>What a directory is.</summary>
    /// <exception cref="ImageException">The reference says something that it is not.</exception>
    public static ImageTransport OfDirectory(ImageReference reference)
    {
        switch (reference.Transport)
        {
            case ImageTransport.DockerArchive or ImageTransport.OciArchive:
                throw new ImageException($"{NameOf(reference)}: this is a directory.", $"A root file system is named rootfs:{reference.Path}, an OCI layout oci:{reference.Path}.");
            case ImageTransport.Any:
                using (DirectoryFiles files = new(reference.Path))
                {
                    return File.Exists($"{reference.Path}/{OciLayoutSource.Mark}") && File.Exists($"{reference.Path}/{OciLayoutSource.Index}") ? ImageTransport.Oci
                        : File.Exists($"{reference.Path}/{DirSource.Manifest}") && DirSource.IsOne(files) ? ImageTransport.Dir
                        : ImageTransport.Rootfs;
                }

            default:
                return reference.Transport;
        }
    }

    /// <summary>What a tar is. One that cannot be read goes as an image's archive, whose reader says why.</summary>
    public static ImageTransport OfArchive(TarFile tar)
        => tar.Has(Manifest.FileName) ? ImageTransport.DockerArchive
        : tar.Has(OciLayoutSource.Mark) ? ImageTransport.OciArchive
        : ImageTransport.Rootfs;

    /// <summary>Opens what a reference to a path leads to, when it has images.</summary>
    /// <param name="reference">The reference.</param>
    /// <param name="layout">Where a compressed archive is decompressed to.</param>
    /// <param name="cancellation">Ends decompression.</param>
    /// <exception cref="ImageException">Nothing is there, or no image.</exception>
    public static ImageSource Open(ImageReference reference, StoreLayout layout, CancellationToken cancellation)
    {
        if (reference.Name is not null)
        {
            throw new ImageException($"{reference.Name}: this is a name, and a path of a layout or archive is wanted.");
        }

        if (Directory.Exists(reference.Path))
        {
            ImageTransport transport = OfDirectory(reference);
            return transport == ImageTransport.Rootfs
                ? throw new ImageException($"rootfs:{reference.Path}: a root file system is no image.", "An ImageBuilder makes one of it.")
                : OpenDirectory(reference, transport);
        }

        if (!File.Exists(reference.Path))
        {
            throw new ImageException($"{NameOf(reference)}: there is nothing there.");
        }

        layout.Open();
        return OpenArchive(reference, TarFile.Open(reference.Path, NameOf(reference), layout, cancellation));
    }

    public static ImageSource OpenDirectory(ImageReference reference, ImageTransport transport)
        => transport == ImageTransport.Oci
            ? new OciLayoutSource(new DirectoryFiles(reference.Path), $"oci:{reference.Path}", reference.Tag)
            : new DirSource(new DirectoryFiles(reference.Path), $"dir:{reference.Path}");

    /// <param name="reference">The reference.</param>
    /// <param name="tar">The archive; disposed with the source, and here on failure.</param>
    public static ImageSource OpenArchive(ImageReference reference, TarFile tar)
    {
        try
        {
            switch (reference.Transport == ImageTransport.Any ? OfArchive(tar) : reference.Transport)
            {
                case ImageTransport.OciArchive:
                    return new OciLayoutSource(new TarFiles(tar), $"oci-archive:{reference.Path}", reference.Tag) { Failure = tar.Failure };
                case ImageTransport.Oci or ImageTransport.Dir:
                    throw new ImageException($"{NameOf(reference)}: this is a file.", $"A tar of an OCI layout is named oci-archive:{reference.Path}.");
                default:
                    return new DockerArchiveSource(tar, reference.Path, reference.Tag);
            }
        }
        catch
        {
            tar.Dispose();
            throw;
        }
    }

    /// <summary>A reference as messages begin with it.</summary>
    public static string NameOf(ImageReference reference) => reference.Transport switch
    {
        ImageTransport.DockerArchive => $"docker-archive:{reference.Path}",
        ImageTransport.OciArchive => $"oci-archive:{reference.Path}",
        ImageTransport.Oci => $"oci:{reference.Path}",
        ImageTransport.Dir => $"dir:{reference.Path}",
        _ => reference.Path,
    };
}
